/**
 * The decisions of the coordinator group, in database `postgres` of its primary. Invariant: what `commit` and `settle` answer was acknowledged under the
 * group's commit mode before they answer, and no two answers about one transaction differ.
 */
import type pg from 'pg';
import { ClusterError, messageOf } from '../kernel/errors';
import type { Loop } from '../kernel/loop';
import { withTimeout } from '../kernel/waiting';
import { type LocalEndpoint, localClient, type Row } from '../postgres/connection';
import { migrateOwn, type OwnMigration } from '../postgres/own-migrations';

const answerTimeoutMs = 10_000;
/** Decisions written at once: those that come while one statement waits for the standbys go together in the next. */
const batchAtOnce = 2;
const batchMost = 200;

const migrations: readonly OwnMigration[] = [
  {
    version: 1,
    sql: `
CREATE TABLE rustydb_engine.xa_decision (
  id text PRIMARY KEY,
  xid text NOT NULL,
  decision text NOT NULL CHECK (decision IN ('commit', 'abort')),
  branches jsonb NOT NULL,
  decided_by text NOT NULL,
  decided_at timestamptz NOT NULL DEFAULT now(),
  asked_at timestamptz,
  finished_at timestamptz,
  heuristic jsonb);
CREATE INDEX xa_decision_xid ON rustydb_engine.xa_decision (xid);
CREATE INDEX xa_decision_unfinished ON rustydb_engine.xa_decision (decided_at) WHERE finished_at IS NULL;
CREATE INDEX xa_decision_finished ON rustydb_engine.xa_decision (finished_at) WHERE finished_at IS NOT NULL;
CREATE TABLE rustydb_engine.xa_kept (one boolean PRIMARY KEY DEFAULT true CHECK (one), since timestamptz NOT NULL);`,
  },
];

export type DecidedBranch = { readonly resourceManager: string; readonly identifier: string; readonly mode: string };

export type NewDecision = {
  readonly id: string;
  readonly xid: string;
  readonly branches: readonly DecidedBranch[];
  readonly by: string;
};

export type StoredDecision = {
  readonly id: string;
  readonly xid: string;
  readonly decision: 'commit' | 'abort';
  readonly branches: readonly DecidedBranch[];
  readonly decidedBy: string;
  readonly decidedAt: string;
  readonly finishedAt: string | null;
  readonly heuristic: readonly HeuristicEnd[] | null;
};

export type HeuristicEnd = {
  readonly identifier: string;
  readonly outcome: string;
  readonly by: string;
  readonly at: string;
  readonly reason: string | null;
};

type Waiting = {
  readonly decision: NewDecision;
  resolve(decided: 'commit' | 'abort'): void;
  reject(error: unknown): void;
};

const columns = `id, xid, decision, branches, decided_by AS "decidedBy", decided_at AS "decidedAt", finished_at AS "finishedAt", heuristic`;

export class DecisionTable {
  readonly #free: pg.Client[] = [];
  #waiting: Waiting[] = [];
  #writing = 0;
  #migrated: Promise<void> | null = null;
  #closed = false;

  /** `endpoint`: of a session whose commits wait as the group's do. */
  constructor(
    private readonly loop: Loop,
    private readonly endpoint: () => LocalEndpoint,
  ) {}

  /** Writes `commit`, unless the transaction was settled as aborted before. When it rejects, nobody knows: `settle` tells. */
  commit(decision: NewDecision): Promise<'commit' | 'abort'> {
    return new Promise((resolve, reject) => {
      this.#waiting.push({ decision, resolve, reject });
      this.#write();
    });
  }

  /**
   * What was decided about these, for good: `abort` is written for those of whom nothing is. Waits for whoever is just writing a decision, and writes in each case, so
   * that a row which a restart brought back without its standbys is on them before anybody acts on it.
   */
  async settle(
    ids: readonly { readonly id: string; readonly xid: string | null }[],
  ): Promise<ReadonlyMap<string, StoredDecision>> {
    const rows = await this.#query<StoredRow>(
      `INSERT INTO rustydb_engine.xa_decision (id, xid, decision, branches, decided_by, finished_at)
       SELECT id, xid, 'abort', '[]', 'nobody: it was never decided', now() FROM unnest($1::text[], $2::text[]) AS asked(id, xid) ORDER BY id
       ON CONFLICT (id) DO UPDATE SET asked_at = now()
       RETURNING ${columns}`,
      [ids.map(({ id }) => id), ids.map(({ id, xid }) => xid ?? id)],
    );
    return new Map(rows.map((row) => [row.id, stored(row)]));
  }

  /** For a page: nothing is written, and nothing may be done because of it. */
  async look(ids: readonly string[]): Promise<ReadonlyMap<string, StoredDecision>> {
    const rows = await this.#query<StoredRow>(`SELECT ${columns} FROM rustydb_engine.xa_decision WHERE id = ANY ($1)`, [
      ids,
    ]);
    return new Map(rows.map((row) => [row.id, stored(row)]));
  }

  async byXid(xid: string): Promise<StoredDecision | null> {
    const rows = await this.#query<StoredRow>(
      `SELECT ${columns} FROM rustydb_engine.xa_decision WHERE xid = $1 ORDER BY decided_at DESC LIMIT 1`,
      [xid],
    );
    return rows[0] ? stored(rows[0]) : null;
  }

  async unfinished(limit: number): Promise<readonly StoredDecision[]> {
    const rows = await this.#query<StoredRow>(
      `SELECT ${columns} FROM rustydb_engine.xa_decision WHERE finished_at IS NULL ORDER BY decided_at LIMIT $1`,
      [limit],
    );
    return rows.map(stored);
  }

  async lately(limit: number): Promise<readonly StoredDecision[]> {
    const rows = await this.#query<StoredRow>(
      `SELECT ${columns} FROM rustydb_engine.xa_decision WHERE finished_at IS NOT NULL AND branches <> '[]' ORDER BY finished_at DESC LIMIT $1`,
      [limit],
    );
    return rows.map(stored);
  }

  async finished(ids: readonly string[]): Promise<void> {
    if (ids.length === 0) return;
    await this.#query(
      `UPDATE rustydb_engine.xa_decision SET finished_at = now() WHERE id = ANY ($1) AND finished_at IS NULL`,
      [ids],
    );
  }

  async noteHeuristic(decision: NewDecision, end: HeuristicEnd): Promise<void> {
    await this.#query(
      `INSERT INTO rustydb_engine.xa_decision (id, xid, decision, branches, decided_by, heuristic)
       VALUES ($1, $2, 'abort', $3, 'nobody: it was never decided', $4)
       ON CONFLICT (id) DO UPDATE SET heuristic = coalesce(xa_decision.heuristic, '[]') || excluded.heuristic`,
      [decision.id, decision.xid, JSON.stringify(decision.branches), JSON.stringify([end])],
    );
  }

  async forget(id: string): Promise<void> {
    await this.#query(
      `UPDATE rustydb_engine.xa_decision SET heuristic = NULL, finished_at = coalesce(finished_at, now()) WHERE id = $1`,
      [id],
    );
  }

  /** Decisions before this time may have been removed; null: none was. */
  async keptSinceMs(): Promise<number | null> {
    const rows = await this.#query<{ since: Date }>('SELECT since FROM rustydb_engine.xa_kept', []);
    return rows[0]?.since.getTime() ?? null;
  }

  /** Removes those that finished more than `keepMs` ago, and notes first from when on they are kept. */
  async prune(keepMs: number): Promise<number> {
    const rows = await this.#query<{ removed: string }>(
      `WITH old AS (SELECT id, decided_at FROM rustydb_engine.xa_decision
                     WHERE finished_at < now() - make_interval(secs => $1::float8 / 1000) AND heuristic IS NULL ORDER BY finished_at LIMIT 5000),
            noted AS (INSERT INTO rustydb_engine.xa_kept (since) SELECT max(decided_at) FROM old HAVING count(*) > 0
                      ON CONFLICT (one) DO UPDATE SET since = greatest(xa_kept.since, excluded.since)),
            gone AS (DELETE FROM rustydb_engine.xa_decision USING old WHERE xa_decision.id = old.id RETURNING 1)
       SELECT count(*) AS removed FROM gone`,
      [keepMs],
    );
    return Number(rows[0]?.removed ?? 0);
  }

  /** Sessions end; what they are just writing is decided by the server alone. */
  close(): void {
    this.#closed = true;
    for (const client of this.#free.splice(0)) destroy(client);
    const error = new ClusterError('UNAVAILABLE', 'This node does not coordinate transactions any more.');
    for (const waiting of this.#waiting.splice(0)) waiting.reject(error);
  }

  #write(): void {
    if (this.#writing >= batchAtOnce || this.#waiting.length === 0) return;
    const batch = this.#waiting.splice(0, batchMost);
    this.#writing++;
    const rows = batch.map(({ decision }) => ({
      id: decision.id,
      xid: decision.xid,
      branches: decision.branches,
      decided_by: decision.by,
    }));
    this.#query<{ id: string }>(
      `INSERT INTO rustydb_engine.xa_decision (id, xid, decision, branches, decided_by)
       SELECT id, xid, 'commit', branches, decided_by
         FROM jsonb_to_recordset($1) AS row(id text, xid text, branches jsonb, decided_by text) ORDER BY id
       ON CONFLICT (id) DO NOTHING RETURNING id`,
      [JSON.stringify(rows)],
    )
      .then(
        (written) => {
          const ids = new Set(written.map(({ id }) => id));
          for (const { decision, resolve } of batch) resolve(ids.has(decision.id) ? 'commit' : 'abort');
        },
        (error: unknown) => {
          for (const { reject } of batch) reject(error);
        },
      )
      .finally(() => {
        this.#writing--;
        this.#write();
      });
  }

  async #query<T extends Row>(text: string, values: unknown[]): Promise<T[]> {
    const client = this.#free.pop() ?? (await this.#connect());
    let cancelled = false;
    const heard = ({ message }: { message?: string }) => {
      // Somebody cancelled the wait: it is committed here and perhaps on no standby.
      if (message?.includes('wait for synchronous replication')) cancelled = true;
    };
    client.on('notice', heard);
    try {
      const { rows } = await withTimeout(
        this.loop,
        client.query<T>(text, values),
        answerTimeoutMs,
        'the decision’s commit',
      );
      if (cancelled)
        throw new ClusterError(
          'UNAVAILABLE',
          'The wait for a standby was cancelled: what was written counts only once it is asked for again.',
        );
      client.removeListener('notice', heard);
      if (this.#closed) destroy(client);
      else this.#free.push(client);
      return rows;
    } catch (error) {
      destroy(client);
      throw error;
    }
  }

  async #connect(): Promise<pg.Client> {
    if (this.#closed) throw new ClusterError('UNAVAILABLE', 'This node does not coordinate transactions any more.');
    const client = localClient(this.endpoint());
    try {
      await client.connect();
      this.#migrated ??= migrateOwn(client, 'xa', migrations);
      await this.#migrated;
    } catch (error) {
      this.#migrated = null;
      destroy(client);
      throw new ClusterError('UNAVAILABLE', `The table of decisions can't be used: ${messageOf(error)}`);
    }
    const forget = () => {
      const at = this.#free.indexOf(client);
      if (at >= 0) this.#free.splice(at, 1);
    };
    client.on('error', forget);
    client.on('end', forget);
    return client;
  }
}

type StoredRow = Omit<StoredDecision, 'decidedAt' | 'finishedAt'> & {
  readonly decidedAt: Date;
  readonly finishedAt: Date | null;
};

function stored(row: StoredRow): StoredDecision {
  return { ...row, decidedAt: row.decidedAt.toISOString(), finishedAt: row.finishedAt?.toISOString() ?? null };
}

function destroy(client: pg.Client): void {
  const stream = (client as unknown as { connection?: { stream?: { destroy(): void } } }).connection?.stream;
  stream?.destroy();
}
