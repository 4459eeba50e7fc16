/**
 * PostgreSQL as a resource manager: this cluster's groups, and servers outside. Sessions are kept for the next branch after DISCARD ALL, so that nothing
 * of a caller's statements outlives its branch.
 */
import type pg from 'pg';
import { messageOf } from '../kernel/errors';
import type { Loop } from '../kernel/loop';
import { withTimeout } from '../kernel/waiting';
import { sqlState } from '../postgres/connection';
import { scramOnlyClient } from '../postgres/scram-only';
import { type BranchName, gidOf, parseGid } from './core/identifier';
import { refusedStatement } from './core/statement-guard';
import type { ManagerHealth, PreparedTransaction, Statement, StatementResult } from './door';
import { answerBytesLimit, type BranchSession, plainValue, type ResourceManager, xaError } from './resource-manager';

const connectTimeoutMs = 3_000;
const checkTimeoutMs = 3_000;
/** A second phase waits for the group's commit mode; the session is given up then, and somebody asks again. */
const finishTimeoutMs = 15_000;
const keptSessions = 16;
const applicationName = 'rustydb-xa';

export type PostgresTarget = {
  readonly host: string;
  readonly port: number;
  readonly database: string;
  readonly user: string;
  readonly password: string;
  readonly ssl?: pg.ClientConfig['ssl'];
  /** Of sessions there; absent: as the server has it. */
  readonly synchronousCommit?: string;
};

export type PostgresManagerOptions = {
  readonly name: string;
  readonly kind: 'group' | 'postgresql';
  readonly loop: Loop;
  /** Asked for each new session: a group's primary changes. @throws XAER_RMFAIL when there is none */
  readonly target: () => PostgresTarget;
  readonly cluster: string;
};

type Kept = { readonly client: pg.Client; readonly place: string };

export class PostgresManager implements ResourceManager {
  readonly kind: 'group' | 'postgresql';
  readonly name: string;
  readonly #idle: Kept[] = [];
  #closed = false;

  constructor(private readonly options: PostgresManagerOptions) {
    this.kind = options.kind;
    this.name = options.name;
  }

  identifierOf(branch: BranchName): string {
    return gidOf(branch);
  }

  prepareWith(identifier: string): readonly string[] {
    return ['BEGIN', '…', `PREPARE TRANSACTION '${identifier}'`];
  }

  async begin(identifier: string): Promise<BranchSession> {
    const kept = await this.#take();
    try {
      await kept.client.query('BEGIN');
    } catch (error) {
      destroy(kept.client);
      throw error;
    }
    return new PostgresBranch(kept.client, identifier, () => this.#giveBack(kept));
  }

  finish(identifier: string, outcome: 'commit' | 'abort'): Promise<'done' | 'absent'> {
    const verb = outcome === 'commit' ? 'COMMIT' : 'ROLLBACK';
    return this.#with(finishTimeoutMs, async (client) => {
      try {
        await client.query(`${verb} PREPARED ${literal(identifier)}`);
        return 'done';
      } catch (error) {
        // undefined_object
        if (sqlState(error) === '42704') return 'absent';
        throw error;
      }
    });
  }

  isPrepared(identifier: string): Promise<boolean> {
    return this.#with(checkTimeoutMs, async (client) => {
      const { rowCount } = await client.query('SELECT FROM pg_catalog.pg_prepared_xacts WHERE gid = $1', [identifier]);
      return (rowCount ?? 0) > 0;
    });
  }

  prepared(): Promise<readonly PreparedTransaction[]> {
    return this.#with(checkTimeoutMs, async (client) => {
      const { rows } = await client.query<{
        gid: string;
        owner: string;
        database: string;
        prepared: Date;
        age_ms: number;
      }>(
        `SELECT gid, owner, database, prepared, extract(epoch FROM now() - prepared)::float8 * 1000 AS age_ms
           FROM pg_catalog.pg_prepared_xacts ORDER BY prepared LIMIT 10000`,
      );
      return rows.map((row) => preparedRow(this.name, this.options.cluster, row));
    });
  }

  async check(): Promise<ManagerHealth> {
    const { loop } = this.options;
    const at = loop.now();
    const found = await this.#with(checkTimeoutMs, async (client) => {
      const { rows } = await client.query<{ version: string; most: string; standby: boolean }>(
        `SELECT pg_catalog.current_setting('server_version') AS version, pg_catalog.current_setting('max_prepared_transactions') AS most,
                pg_catalog.pg_is_in_recovery() AS standby`,
      );
      return rows[0]!;
    }).catch((error: unknown) => messageOf(error));
    const checkedAt = new Date(loop.wallMs()).toISOString();
    const roundTripMs = Math.round((loop.now() - at) * 10) / 10;
    if (typeof found === 'string')
      return { state: 'down', sentence: found, checkedAt, version: null, roundTripMs: null, maxPrepared: null };
    const maxPrepared = Number(found.most);
    const major = Number.parseInt(found.version, 10);
    const sentence = unfit(major, maxPrepared, found.standby);
    return {
      state: sentence === null ? 'up' : 'down',
      sentence,
      checkedAt,
      version: found.version,
      roundTripMs,
      maxPrepared,
    };
  }

  close(): void {
    this.#closed = true;
    for (const { client } of this.#idle.splice(0)) destroy(client);
  }

  async #with<T>(timeoutMs: number, use: (client: pg.Client) => Promise<T>): Promise<T> {
    const kept = await this.#take();
    try {
      const result = await withTimeout(this.options.loop, use(kept.client), timeoutMs, `an answer of ${this.name}`);
      this.#keep(kept);
      return result;
    } catch (error) {
      // An error of SQL leaves the session as it was.
      if (sqlState(error) !== undefined && !/^(08|57P)/.test(sqlState(error)!)) this.#keep(kept);
      else destroy(kept.client);
      throw error;
    }
  }

  async #take(): Promise<Kept> {
    if (this.#closed) throw xaError('XAER_RMFAIL', `${this.name} is not used any more.`);
    const target = this.options.target();
    const place = `${target.host}:${target.port} ${target.user} ${target.synchronousCommit}`;
    for (let kept = this.#idle.pop(); kept; kept = this.#idle.pop()) {
      if (kept.place === place) return kept;
      // The primary is another one now.
      destroy(kept.client);
    }
    const client = scramOnlyClient({
      host: target.host,
      port: target.port,
      user: target.user,
      password: target.password,
      database: target.database,
      application_name: applicationName,
      connectionTimeoutMillis: connectTimeoutMs,
      ...(target.ssl === undefined ? {} : { ssl: target.ssl }),
      ...(target.synchronousCommit === undefined
        ? {}
        : { options: `-c synchronous_commit=${target.synchronousCommit}` }),
    });
    client.on('error', () => undefined);
    try {
      await client.connect();
    } catch (error) {
      destroy(client);
      throw xaError('XAER_RMFAIL', `${this.name} does not let the coordinator in: ${messageOf(error)}`);
    }
    const kept = { client, place };
    const forget = () => {
      const at = this.#idle.indexOf(kept);
      if (at >= 0) this.#idle.splice(at, 1);
    };
    client.on('error', forget);
    client.on('end', forget);
    return kept;
  }

  /** After a branch: cleaned first, off the caller's way. */
  #giveBack(kept: Kept): void {
    kept.client.query('DISCARD ALL').then(
      () => this.#keep(kept),
      () => destroy(kept.client),
    );
  }

  #keep(kept: Kept): void {
    if (this.#closed || this.#idle.length >= keptSessions) destroy(kept.client);
    else this.#idle.push(kept);
  }
}

class PostgresBranch implements BranchSession {
  #lost: string | null = null;
  #onlyReads = true;
  #over = false;
  abandoned = false;
  #callbacks: (() => void)[] = [];
  readonly #failed = (error: Error) => this.#lose(error.message);
  readonly #ended = () => this.#lose('the server ended the session');
  /** As the server says after each statement: T in a transaction, E in a failed one, I in none. */
  #status = 'T';
  readonly #ready = ({ status }: { readonly status: string }) => {
    this.#status = status;
  };

  constructor(
    private readonly client: pg.Client,
    private readonly identifier: string,
    private readonly giveBack: () => void,
  ) {
    client.on('error', this.#failed);
    client.on('end', this.#ended);
    protocolOf(client).on('readyForQuery', this.#ready);
  }

  get lost(): string | null {
    return this.#lost;
  }

  onLost(callback: () => void): void {
    this.#callbacks.push(callback);
  }

  async execute({ resourceManager, statement, parameters, maxRows }: Statement): Promise<StatementResult> {
    const refused = refusedStatement(statement, 'postgresql');
    if (refused !== null) throw xaError('XAER_INVAL', refused);
    const unwatch = this.#watchAnswer();
    try {
      // Extended: one statement per message, so nothing can follow it.
      const result = await this.client.query<unknown[]>({
        text: statement,
        values: [...parameters],
        rowMode: 'array',
        queryMode: 'extended',
      } as pg.QueryArrayConfig);
      // None that is known gets past the guard.
      if (this.#status === 'I') throw xaError('XA_HEURHAZ', 'this statement ended the transaction of its branch');
      if (result.command !== 'SELECT') this.#onlyReads = false;
      const rows = result.rows.slice(0, maxRows).map((row) => (row as unknown[]).map(plainValue));
      const columns = result.fields.map(({ name }) => name);
      return { resourceManager, columns, rows, rowCount: result.rowCount, truncated: result.rows.length > maxRows };
    } finally {
      unwatch();
    }
  }

  async prepare(): Promise<'prepared' | 'read_only'> {
    if (this.#onlyReads) {
      // A function that is only selected from may write.
      const { rows } = await this.client.query<{ reads: boolean }>(
        'SELECT pg_catalog.pg_current_xact_id_if_assigned() IS NULL AS reads',
      );
      if (rows[0]!.reads) {
        await this.#end('COMMIT');
        return 'read_only';
      }
    }
    await this.#end(
      `SET LOCAL role TO none; SET LOCAL synchronous_commit TO DEFAULT; PREPARE TRANSACTION ${literal(this.identifier)}`,
    );
    return 'prepared';
  }

  commitOnePhase(): Promise<void> {
    return this.#end('SET LOCAL synchronous_commit TO DEFAULT; COMMIT');
  }

  rollback(): Promise<void> {
    return this.#end('ROLLBACK');
  }

  abandon(): void {
    this.abandoned = true;
    this.#leave();
    destroy(this.client);
  }

  /** The session is somebody else's from now on. */
  #leave(): void {
    this.#over = true;
    this.client.removeListener('error', this.#failed);
    this.client.removeListener('end', this.#ended);
    protocolOf(this.client).removeListener('readyForQuery', this.#ready);
  }

  async #end(statement: string): Promise<void> {
    try {
      const result = (await this.client.query(statement)) as pg.QueryResult | pg.QueryResult[];
      const last = Array.isArray(result) ? result.at(-1)! : result;
      // PostgreSQL answers ROLLBACK to the COMMIT or PREPARE of a transaction that failed.
      if (last.command === 'ROLLBACK' && statement !== 'ROLLBACK')
        throw xaError('XA_RBROLLBACK', 'a statement of this branch had failed before');
      this.#leave();
      this.giveBack();
    } catch (error) {
      if (sqlState(error) === undefined || statement === 'ROLLBACK') this.abandon();
      throw error;
    }
  }

  #lose(why: string): void {
    if (this.#over || this.#lost !== null) return;
    this.#lost = why;
    for (const callback of this.#callbacks.splice(0)) callback();
  }

  #watchAnswer(): () => void {
    const { stream } = protocolOf(this.client);
    let bytes = 0;
    const count = (chunk: Buffer) => {
      bytes += chunk.length;
      if (bytes > answerBytesLimit)
        stream.destroy(new Error(`the answer is larger than ${answerBytesLimit / 1024 / 1024} MB`));
    };
    stream.on('data', count);
    return () => stream.removeListener('data', count);
  }
}

export function preparedRow(
  resourceManager: string,
  cluster: string,
  row: { gid: string; owner: string; database: string; prepared: Date; age_ms: number },
): PreparedTransaction {
  const name = parseGid(row.gid);
  return {
    node: null,
    resourceManager,
    identifier: row.gid,
    owner: row.owner,
    database: row.database,
    preparedAt: row.prepared.toISOString(),
    ageMs: Math.max(0, Math.round(row.age_ms)),
    ours: name?.cluster === cluster ? { id: name.transaction, coordinator: name.group, branch: name.branch } : null,
    locks: null,
    waitingPids: [],
    horizonTransactions: null,
    walBytes: null,
  };
}

function unfit(major: number, maxPrepared: number, standby: boolean): string | null {
  if (major < 14) return `PostgreSQL ${major} is too old: 14 or later is needed.`;
  if (maxPrepared === 0)
    return 'max_prepared_transactions is 0: set it (a restart is needed), at least to max_connections.';
  return standby ? 'It is a standby: transactions begin on a primary.' : null;
}

/** A string literal; our identifiers have no backslash, an administrator's may. */
export function literal(text: string): string {
  return text.includes('\\')
    ? ` E'${text.replaceAll('\\', '\\\\').replaceAll("'", "''")}'`
    : `'${text.replaceAll("'", "''")}'`;
}

type Protocol = NodeJS.EventEmitter & { readonly stream: NodeJS.ReadableStream & { destroy(error?: Error): void } };

function protocolOf(client: pg.Client): Protocol {
  return (client as unknown as { readonly connection: Protocol }).connection;
}

/** Not end(): that waits for a hung statement. */
function destroy(client: pg.Client): void {
  protocolOf(client).stream.destroy();
}
