/**
 * Ends the prepared branches of ours that this group's primary holds, as the coordinator says (SPEC.md). It keeps nothing: what is to be ended is what PostgreSQL shows,
 * also after a failover, a restart or a restore.
 */
import { messageOf } from '../kernel/errors';
import type { Logger } from '../kernel/log';
import { type LocalConnection, type LocalEndpoint, sqlState, withFreshSession } from '../postgres/connection';
import { type BranchName, parseGid } from './core/identifier';
import type { Outcome } from './core/outcome';
import { literal } from './postgres-manager';

/** A coordinator that lives ends its branches itself in less. */
const patienceMs = 1_500;
const atOnce = 500;
const sessionsAtOnce = 4;

export type SettleRequest = {
  readonly group: string;
  readonly branches: readonly { readonly id: string; readonly preparedAtMs: number | null }[];
};
export type SettleAnswer = Readonly<Record<string, Outcome>>;

export type ResolverOptions = {
  readonly logger: Logger;
  readonly connection: LocalConnection;
  /** Of a session in that database whose commits wait as the group's do. */
  readonly endpoint: (database: string) => LocalEndpoint;
  readonly cluster: string;
  readonly settle: (request: SettleRequest) => Promise<SettleAnswer>;
};

type Held = {
  readonly gid: string;
  readonly database: string;
  readonly preparedAtMs: number;
  readonly name: BranchName;
};

export class Resolver {
  #lastWords = '';
  /** Ended by this resolver. */
  resolved = 0;

  constructor(private readonly options: ResolverOptions) {}

  /** One pass; how many of ours are still there. */
  async pass(): Promise<number> {
    const held = await this.#held();
    const groups = new Set(held.map(({ name }) => name.group!));
    let left = held.length;
    for (const group of groups)
      left -= await this.#resolve(
        group,
        held.filter(({ name }) => name.group === group),
      );
    return left;
  }

  async #held(): Promise<readonly Held[]> {
    const rows = await this.options.connection.query<{ gid: string; database: string; prepared: Date }>(
      `SELECT gid, database, prepared FROM pg_catalog.pg_prepared_xacts
        WHERE gid LIKE 'rustydb:%' AND prepared < now() - make_interval(secs => ${patienceMs / 1000}) ORDER BY prepared LIMIT ${atOnce}`,
      { name: 'xa-prepared' },
    );
    return rows.flatMap(({ gid, database, prepared }) => {
      const name = parseGid(gid);
      return name?.cluster === this.options.cluster ? [{ gid, database, preparedAtMs: prepared.getTime(), name }] : [];
    });
  }

  async #resolve(group: string, held: readonly Held[]): Promise<number> {
    const branches = held.map(({ name, preparedAtMs }) => ({ id: name.transaction, preparedAtMs }));
    let answer: SettleAnswer;
    try {
      answer = await this.options.settle({ group, branches });
      this.#lastWords = '';
    } catch (error) {
      this.#say(
        { group, branches: held.length, error: messageOf(error) },
        'the coordinator does not say what became of prepared branches: asking again',
      );
      return 0;
    }
    const due = held.filter(
      ({ name }) => answer[name.transaction] === 'commit' || answer[name.transaction] === 'abort',
    );
    let ended = 0;
    for (const database of new Set(due.map((one) => one.database)))
      ended += await this.#endIn(
        database,
        due.filter((one) => one.database === database),
        answer,
      );
    return ended;
  }

  /** A commit waits for the standbys: a few sessions side by side. */
  async #endIn(database: string, due: readonly Held[], answer: SettleAnswer): Promise<number> {
    const queue = [...due];
    let ended = 0;
    const work = () =>
      withFreshSession(this.options.endpoint(database), async (client) => {
        for (let one = queue.shift(); one; one = queue.shift()) {
          const verb = answer[one.name.transaction] === 'commit' ? 'COMMIT' : 'ROLLBACK';
          try {
            await client.query(`${verb} PREPARED ${literal(one.gid)}`);
            ended++;
            this.resolved++;
            this.options.logger.info(
              { gid: one.gid, database, outcome: verb },
              'ended a prepared branch as its coordinator says',
            );
          } catch (error) {
            // Somebody else ended it, or is just doing so.
            if (!['42704', '55000'].includes(sqlState(error) ?? '')) throw error;
          }
        }
      });
    const workers = Array.from({ length: Math.min(sessionsAtOnce, due.length) }, work);
    for (const result of await Promise.allSettled(workers))
      if (result.status === 'rejected')
        this.#say(
          { database, error: messageOf(result.reason) },
          'prepared branches could not be ended yet: trying again',
        );
    return ended;
  }

  #say(what: { readonly error: string; readonly [key: string]: unknown }, sentence: string): void {
    if (this.#lastWords !== what.error) this.options.logger.warn(what, sentence);
    this.#lastWords = what.error;
  }
}
