/**
 * Tries from time to time whether an application would get a session: over TCP, with a login that has no reserved place. The agent's own session says
 * nothing about that, it was there before. Who connects and does not sign in is ended early where that keeps others out.
 * Invariants: one try at a time, bounded in time; a server that is not ready is not tried and not judged.
 */
import {
  afterTry,
  type Hints,
  isTryDue,
  judgeFailure,
  notTried,
  refusal,
  type SignIn,
  type SignInState,
  strangerPatienceMs,
  strangersAllowed,
  unansweredToldMs,
} from '../cluster/core/new-sessions';
import type { LockHolder, ServiceTrouble } from '../cluster/model';
import type { PostgresConfiguration } from './api';
import { type LocalConnection, sqlState } from './connection';
import { queuedConnections } from './listen-queue';
import { scramOnlyClient } from './scram-only';
import { sessionOptions } from './session-options';
import { superuserOid } from './settings';

export const trySignInPurpose = 'rustydb agent (sign-in)';
const tryTimeoutMs = 3_000;
/** A reader with more is what fills the table. */
const mostLocksOnStandby = 1_000;
const holdersEveryMs = 1_000;
/** lock_not_available is another thing: these are "out of memory", said of the lock table too. */
const outOfMemory = '53200';

/**
 * Functions only: the views look into shared catalogs, and that takes a place in the very table. Names come apart, if they can be had. A prepared
 * transaction is known by the lock on its own number.
 */
const holdersSql = `
WITH locks AS (
  SELECT pid, virtualtransaction, count(*)::int AS locks,
         max(transactionid::text) FILTER (WHERE locktype = 'transactionid' AND mode = 'ExclusiveLock') AS own
    FROM pg_lock_status() GROUP BY 1, 2)
SELECT * FROM (
  SELECT l.pid, NULL::text AS prepared, l.locks, a.usesysid::text AS role, a.datid::text AS database, a.application_name AS "applicationName"
    FROM locks AS l JOIN pg_stat_get_activity(NULL) AS a ON a.pid = l.pid AND a.backend_type = 'client backend' AND a.usesysid <> ${superuserOid}
  UNION ALL
  SELECT NULL, x.gid, l.locks, x.ownerid::text, x.dbid::text, NULL
    FROM locks AS l JOIN pg_prepared_xact() AS x ON l.pid IS NULL AND l.own = x.transaction::text) AS h
 ORDER BY locks DESC LIMIT 5`;

const endStrangersSql = `
SELECT pg_terminate_backend(pid) FROM (
  SELECT pid FROM pg_stat_get_activity(NULL)
   WHERE state = 'starting' AND backend_type = 'client backend' AND backend_start < clock_timestamp() - $1::int * interval '1 ms'
   ORDER BY backend_start LIMIT $2) AS s`;

type HolderRow = {
  pid: number | null;
  prepared: string | null;
  locks: number;
  role: string | null;
  database: string | null;
  applicationName: string | null;
};

type Failure = { readonly message: string; readonly sqlState: string | null };

/** By oid. */
export type Names = {
  readonly roles: Readonly<Record<string, string>>;
  readonly databases: Readonly<Record<string, string>>;
};

export class NewSessionWatch {
  #state: SignInState = notTried;
  #trying = false;
  #unansweredSince: { readonly at: number; readonly since: string } | null = null;
  #failingSince: string | null = null;
  #lastError: Failure | null = null;
  /** Why the last question beside the report failed; null: it did not, or a try has found out since. */
  #hint: Failure | null = null;
  #holders: readonly LockHolder[] = [];
  #holdersAt = Number.NEGATIVE_INFINITY;
  #askingHolders = false;
  #endingStrangers = false;

  constructor(
    private readonly connection: LocalConnection,
    private readonly configuration: PostgresConfiguration,
    /** Past SQL: a server without a free lock looks up no role, so it ends nobody's session when asked. */
    private readonly endSession: (pid: number) => void,
  ) {}

  forget(): void {
    this.#state = notTried;
    this.#unansweredSince = null;
    this.#lastError = null;
    this.#hint = null;
    this.#holders = [];
  }

  answered(): void {
    this.#unansweredSince = null;
    this.#lastError = null;
  }

  /** A question of the report was not answered in time, or with an error. */
  unanswered(error: unknown): void {
    this.#unansweredSince ??= { at: performance.now(), since: new Date().toISOString() };
    this.#lastError = failureOf(error);
  }

  /** A question beside the report failed: no reason to tell anybody, but one to try. */
  failed(error: unknown): void {
    this.#hint = failureOf(error);
  }

  /** With each report of a server that is ready. */
  look(hints: Omit<Hints, 'unanswered'> & { readonly recovering: boolean }, names: Names): void {
    const unanswered = this.#unansweredSince !== null || (this.#hint?.sqlState?.startsWith('53') ?? false);
    if (!this.#trying && isTryDue(this.#state, performance.now(), { ...hints, unanswered })) void this.#try();
    if (this.#lockTableFull) this.#lookAtLocks(names, hints.recovering);
    const room = strangersAllowed(hints.maxConnections);
    if (hints.maxConnections > 0 && hints.strangers > room) this.#endStrangers(hints.strangers - room);
  }

  trouble(strangers: number): ServiceTrouble | null {
    const refused = refusal(this.#state);
    if (refused !== null)
      return {
        kind: 'no-new-sessions',
        since: this.#failingSince ?? new Date().toISOString(),
        error: refused.error,
        sqlState: refused.sqlState,
        // Those that a postmaster under a flood has not even taken yet have not signed in either.
        strangers: strangers + (refused.sqlState === null ? queuedConnections(this.configuration.port) : 0),
        lockHolders: refused.sqlState === outOfMemory ? this.#holders : [],
      };
    const silent = this.#unansweredSince;
    if (silent === null || performance.now() - silent.at < unansweredToldMs) return null;
    return {
      kind: 'no-answer',
      since: silent.since,
      error: this.#lastError?.message ?? 'no answer in time',
      sqlState: this.#lastError?.sqlState ?? null,
      strangers,
      lockHolders: [],
    };
  }

  get #lockTableFull(): boolean {
    const { last } = this.#state;
    return (
      (last.kind === 'refused' && last.sqlState === outOfMemory) ||
      [this.#lastError, this.#hint].some((failure) => failure?.sqlState === outOfMemory)
    );
  }

  async #try(): Promise<void> {
    this.#trying = true;
    const outcome = await this.#signIn();
    this.#trying = false;
    this.#state = afterTry(this.#state, performance.now(), outcome);
    if (outcome.kind === 'let-in') this.#hint = this.#failingSince = null;
    else this.#failingSince ??= new Date().toISOString();
  }

  async #signIn(): Promise<SignIn> {
    const { host, port, passwords } = this.configuration;
    const client = scramOnlyClient({
      host: host === '*' || host === '0.0.0.0' ? '127.0.0.1' : host,
      port,
      user: 'rustydb_monitor',
      password: passwords.monitor,
      database: 'postgres',
      application_name: trySignInPurpose,
      connectionTimeoutMillis: tryTimeoutMs,
      options: sessionOptions('other'),
    });
    client.on('error', () => undefined);
    try {
      // Nothing is asked: to be let in takes a place, catalogs and locks as it is, and a statement would stand in a log of all statements.
      await client.connect();
      return { kind: 'let-in' };
    } catch (error) {
      const { message, routine } = error as { message?: string; routine?: string };
      return judgeFailure({ message: message ?? String(error), sqlState: sqlStateOf(error), routine: routine ?? null });
    } finally {
      // Not end() alone: that waits for a hung server.
      const { connection } = client as unknown as { connection: { stream: { destroy(): void } } };
      void client.end().catch(() => undefined);
      setTimeout(() => connection.stream.destroy(), 1_000).unref();
    }
  }

  #lookAtLocks(names: Names, recovering: boolean): void {
    if (this.#askingHolders || performance.now() - this.#holdersAt < holdersEveryMs) return;
    this.#askingHolders = true;
    this.#holdersAt = performance.now();
    this.connection
      .query<HolderRow>(holdersSql, { timeoutMs: 1_500 })
      .then((rows) => {
        this.#holders = rows.map(({ role, database, ...rest }) => ({
          ...rest,
          user: role === null ? null : (names.roles[role] ?? null),
          database: database === null ? null : (names.databases[database] ?? null),
        }));
        // Replay ends a standby for want of one lock, and with it what its primary waits for: that comes before a reader.
        const [most] = this.#holders;
        if (recovering && most?.pid && most.locks > mostLocksOnStandby && refusal(this.#state))
          this.endSession(most.pid);
      })
      .catch(() => undefined)
      .finally(() => {
        this.#askingHolders = false;
      });
  }

  #endStrangers(count: number): void {
    if (this.#endingStrangers) return;
    this.#endingStrangers = true;
    this.connection
      .query(endStrangersSql, { values: [strangerPatienceMs, count], timeoutMs: 1_500 })
      .catch(() => undefined)
      .finally(() => {
        this.#endingStrangers = false;
      });
  }
}

function failureOf(error: unknown): Failure {
  return { message: error instanceof Error ? error.message : String(error), sqlState: sqlStateOf(error) };
}

/** Of PostgreSQL: five characters. Node's own (ECONNREFUSED) are none. */
function sqlStateOf(error: unknown): string | null {
  const code = sqlState(error);
  return code !== undefined && /^[0-9A-Z]{5}$/.test(code) ? code : null;
}
