/**
 * What the agent tells about its server, several times a second: one prepared statement over a kept connection. A server that hangs or is
 * down is told from process facts; this never throws and never waits longer than its time-out.
 */
import { type StandbyParameters, standbyParameterNames } from '../cluster/core/standby-parameters';
import type {
  OtherSender,
  PostgresReport,
  PostgresState,
  PreparedReport,
  ReplicationSender,
  SettingByHand,
} from '../cluster/model';
import type { LsnText } from '../kernel/lsn';
import type { SlotReport } from '../replication/model';
import type { PostgresConfiguration, ServerExit } from './api';
import type { LocalConnection } from './connection';
import { LogKeeper } from './log-keeper';
import { NewSessionWatch, trySignInPurpose } from './new-session-watch';
import { ownRoleSettings } from './own-objects';
import { settingsByHandSql, thatMatter } from './pinned-settings';
import { walFilesTimelineSql } from './position';
import { type PostmasterStatus, readPostmasterFile } from './processes';
import { RecoveryWatch } from './recovery-progress';
import { SenderRates } from './sender-rates';
import { memberOf, superuserOid } from './settings';
import { probePurpose } from './standby-names';
import { reportedSlotsSql } from './user-slots';

/** A report goes out after this long without an answer, from process facts; the question stays open until its own time-out. */
const patienceMs = 250;
const probeTimeoutMs = 1500;
/** Sizes are summed from files: cheap, but not ten times a second. */
const slowFactsEveryMs = 5000;
const slowFactsAgainMs = 1000;

/** A member's walsender is known by login role, slot and name together: anybody who may replicate can take any name. */
const sendersSql = `(SELECT json_agg(json_build_object(
          'slot', s.slot_name, 'user', pg_get_userbyid(a.usesysid), 'pid', w.pid, 'name', a.application_name, 'counts', w.sync_priority > 0,
          'state', w.state, 'syncState', w.sync_state, 'sentLsn', w.sent_lsn, 'writeLsn', w.write_lsn, 'flushLsn', w.flush_lsn, 'replayLsn', w.replay_lsn,
          'replyAgeMs', round(extract(epoch FROM clock_timestamp() - w.reply_time) * 1000), 'repliedAt', extract(epoch FROM w.reply_time)))
          FROM pg_stat_get_wal_senders() AS w JOIN pg_stat_get_activity(NULL) AS a ON a.pid = w.pid
          LEFT JOIN pg_get_replication_slots() AS s ON s.active_pid = w.pid AND s.slot_type = 'physical')`;

/**
 * Functions instead of views that look into pg_authid or pg_database: a lock on a shared catalog takes a place in the lock table, and a server whose table
 * is full must still tell where it is.
 */
const fastSql = `
SELECT r.recovering,
       CASE WHEN NOT r.recovering THEN ('x' || substr(pg_walfile_name(pg_current_wal_insert_lsn()), 1, 8))::bit(32)::int END AS timeline,
       pg_last_wal_receive_lsn()::text AS receive,
       pg_last_wal_replay_lsn()::text AS replay,
       CASE WHEN r.recovering THEN pg_is_wal_replay_paused() ELSE false END AS paused,
       CASE WHEN r.recovering THEN
         -- Nothing left to replay says something only while it is told what is new.
         CASE WHEN pg_last_wal_receive_lsn() <= pg_last_wal_replay_lsn() AND EXISTS (SELECT FROM pg_stat_wal_receiver WHERE status = 'streaming') THEN 0
              WHEN pg_last_xact_replay_timestamp() IS NOT NULL
              THEN greatest(0, extract(epoch FROM clock_timestamp() - pg_last_xact_replay_timestamp()) * 1000)::float8 END END AS lag_ms,
       (SELECT json_build_object('status', status, 'timeline', received_tli, 'primaryLsn', latest_end_lsn) FROM pg_stat_wal_receiver) AS receiver,
       CASE WHEN r.recovering THEN (SELECT greatest(min_recovery_end_timeline, 1, ${walFilesTimelineSql}) FROM pg_control_recovery()) END AS recovery_timeline,
       CASE WHEN r.recovering THEN (SELECT timeline_id FROM pg_control_checkpoint()) END AS checkpoint_timeline,
       ${sendersSql} AS senders,
       -- After the senders: a standby of this history has flushed no more than what was written by now.
       CASE WHEN NOT r.recovering THEN pg_current_wal_lsn()::text END AS written,
       current_setting('synchronous_standby_names') AS standby_names,
       CASE WHEN r.recovering THEN json_build_object('conninfo', current_setting('primary_conninfo'), 'slot', current_setting('primary_slot_name')) END AS source,
       extract(epoch FROM pg_conf_load_time())::float8 AS loaded,
       a.connections, a.strangers, a.waiting,
       (SELECT sum(pg_stat_get_db_xact_commit(d) + pg_stat_get_db_xact_rollback(d))::float8 FROM unnest($1::oid[]) AS d) AS transactions
  FROM (SELECT pg_is_in_recovery() AS recovering) AS r,
       (SELECT count(*) FILTER (WHERE backend_type = 'client backend' AND usesysid IS DISTINCT FROM ${superuserOid} AND application_name IS DISTINCT FROM '${trySignInPurpose}')::int AS connections,
               count(*) FILTER (WHERE backend_type = 'client backend' AND state = 'starting')::int AS strangers,
               count(*) FILTER (WHERE wait_event = 'SyncRep' AND application_name <> '${probePurpose}')::int AS waiting FROM pg_stat_get_activity(NULL)) AS a`;

/** What a standby must not have lower than its primary, as this server runs with it. */
export const runningParametersSql = `json_build_object(${standbyParameterNames.map((name) => `'${name}', current_setting('${name}')::int`).join(', ')})`;

/** Ours are pinned, so what others get is read from the files; a later line wins. */
const synchronousCommitSql = `coalesce((SELECT setting FROM pg_file_settings WHERE name = 'synchronous_commit' ORDER BY seqno DESC LIMIT 1), 'on')`;

const lowerCommitsSql = `(SELECT coalesce(json_agg(concat_ws(' in ', 'role ' || r.rolname, 'database ' || d.datname) || ': ' || g.c), '[]')
          FROM (SELECT s.setrole, s.setdatabase, c FROM pg_db_role_setting AS s, unnest(s.setconfig) AS c
                 WHERE c ~* '^synchronous_commit=(off|local|remote_write|0|no|false|f|n)$' LIMIT 100) AS g
          LEFT JOIN pg_roles AS r ON r.oid = g.setrole LEFT JOIN pg_database AS d ON d.oid = g.setdatabase)`;

/** What the engine's logins have beside what it gave them itself (`initdb.ts`, `own-objects.ts`). */
const engineRoleSettingsSql = `(SELECT coalesce(json_agg(concat_ws(' in ', r.rolname, 'database ' || d.datname) || ': ' || g.c), '[]')
          FROM (SELECT s.setrole, s.setdatabase, c FROM pg_db_role_setting AS s, unnest(s.setconfig) AS c LIMIT 1000) AS g
          JOIN pg_roles AS r ON r.oid = g.setrole AND r.rolname ~ '^rustydb(_(repl|monitor|query|apply|rac))?$'
          LEFT JOIN pg_database AS d ON d.oid = g.setdatabase
         WHERE g.setdatabase <> 0 OR r.rolname || ' ' || g.c NOT IN (${ownRoleSettings.map((one) => `'${one}'`).join(', ')}))`;

const preparedSql = `(SELECT json_build_object('count', count(*)::int, 'most', current_setting('max_prepared_transactions')::int,
                'oldestSeconds', round(extract(epoch FROM now() - min(prepared))), 'oldestGid', (array_agg(gid ORDER BY prepared))[1],
                'oldestDatabase', (array_agg(database ORDER BY prepared))[1]) FROM pg_prepared_xacts)`;

const slowSql = `
SELECT ${preparedSql} AS prepared, ${synchronousCommitSql} AS synchronous_commit, ${lowerCommitsSql} AS lower_commits, ${engineRoleSettingsSql} AS role_settings, ${settingsByHandSql} AS by_hand,
       (SELECT sum(pg_database_size(oid))::float8 FROM pg_database WHERE datallowconn) AS database_bytes,
       current_setting('max_connections')::int AS max_connections, current_setting('server_version') AS version,
       pg_postmaster_start_time() AS started,
       current_setting('archive_mode') AS archive_mode, ${runningParametersSql} AS parameters,
       EXISTS (SELECT FROM pg_settings WHERE pending_restart) AS pending_restart, s.retained, s.lost, ${reportedSlotsSql} AS slots,
       (SELECT coalesce(json_object_agg(oid, rolname), '{}') FROM (SELECT oid, rolname FROM pg_roles ORDER BY oid LIMIT 1000) AS n) AS role_names,
       (SELECT coalesce(json_object_agg(oid, datname), '{}') FROM (SELECT oid, datname FROM pg_database ORDER BY oid LIMIT 1000) AS n) AS database_names,
       CASE current_setting('max_slot_wal_keep_size') WHEN '-1' THEN NULL ELSE pg_size_bytes(current_setting('max_slot_wal_keep_size'))::float8 END AS slot_keep
  FROM (SELECT greatest(0, max(pg_wal_lsn_diff(
                 CASE WHEN pg_is_in_recovery() THEN coalesce(pg_last_wal_receive_lsn(), pg_last_wal_replay_lsn())
                      ELSE pg_current_wal_lsn() END, restart_lsn)))::float8 AS retained,
               count(*) FILTER (WHERE wal_status = 'lost')::int AS lost FROM pg_replication_slots) AS s`;

type SenderRow = Omit<ReplicationSender, 'applicationName' | 'bytesPerSecond'> & {
  slot: string | null;
  user: string | null;
  pid: number;
  name: string;
  counts: boolean;
};

type FastRow = {
  recovering: boolean;
  written: LsnText | null;
  timeline: number | null;
  receive: LsnText | null;
  replay: LsnText | null;
  paused: boolean;
  lag_ms: number | null;
  receiver: { status: string; timeline: number; primaryLsn: LsnText | null } | null;
  recovery_timeline: number | null;
  checkpoint_timeline: number | null;
  senders: SenderRow[] | null;
  source: { conninfo: string; slot: string } | null;
  loaded: number;
  standby_names: string;
  connections: number;
  strangers: number;
  waiting: number;
  transactions: number | null;
};

type SlowRow = {
  prepared: PreparedReport;
  synchronous_commit: string;
  lower_commits: string[];
  role_settings: string[];
  by_hand: SettingByHand[];
  database_bytes: number | null;
  max_connections: number;
  version: string;
  started: Date;
  archive_mode: string;
  parameters: StandbyParameters;
  pending_restart: boolean;
  retained: number | null;
  lost: number;
  slots: SlotReport[];
  slot_keep: number | null;
  role_names: Record<string, string>;
  database_names: Record<string, string>;
};

/** What only the process side knows. */
export type ProcessFacts = {
  readonly present: boolean;
  readonly postmasterPid: number | null;
  readonly lastExit: ServerExit | null;
  readonly stopping: boolean;
  readonly standbySignal: boolean;
  /** By the control file: crash or archive recovery. */
  readonly recovering: boolean;
  /** By the control file. */
  readonly requiredParameters: StandbyParameters | null;
  /** What a standby was told to follow. */
  readonly source: { readonly conninfo: string; readonly slot: string } | null;
};

function whoStreams(
  rows: readonly SenderRow[],
  tag: string | undefined,
): { members: readonly ReplicationSender[]; others: readonly OtherSender[] } {
  const members: ReplicationSender[] = [];
  const others: OtherSender[] = [];
  for (const { slot, user, pid, counts, ...sender } of rows) {
    const node = memberOf({ slot, user, name: sender.name }, tag);
    if (node !== null) members.push({ ...sender, applicationName: node });
    else others.push({ ...sender, user, pid, counts });
  }
  return { members, others };
}

function sourceAsSet({ source: set }: ProcessFacts, { source: now }: FastRow): boolean | null {
  return set === null || now === null ? null : set.conninfo === now.conninfo && set.slot === now.slot;
}

export class Reporter {
  #slow: { row: SlowRow; at: number; loaded: number } | null = null;
  #rate: { transactions: number; at: number; perSecond: number } | null = null;
  #replay: { lsn: bigint; at: number; perSecond: number | null } | null = null;
  #senders = new SenderRates();
  readonly #recovery: RecoveryWatch;
  #slowRunning = false;
  #slowFailedAt = Number.NEGATIVE_INFINITY;
  #asking: Promise<FastRow | null> | null = null;
  /** Of the last answer. */
  #sessions = { connections: 0, strangers: 0, recovering: false };
  readonly #newSessions: NewSessionWatch;
  readonly #log: LogKeeper;

  constructor(
    private readonly connection: LocalConnection,
    private readonly configuration: PostgresConfiguration,
    endSession: (pid: number) => void,
  ) {
    this.#newSessions = new NewSessionWatch(connection, configuration, endSession);
    this.#log = new LogKeeper(configuration, async () => {
      await connection.query('SELECT pg_rotate_logfile()', { timeoutMs: probeTimeoutMs });
    });
    this.#recovery = new RecoveryWatch(configuration.paths.dataDirectory);
  }

  async report(facts: ProcessFacts, wal: (lsn: LsnText | null) => number | null): Promise<PostgresReport> {
    if (facts.postmasterPid !== null) this.#log.look(performance.now());
    const report = await this.#report(facts, wal);
    return { ...report, logTrouble: this.#log.trouble(performance.now()) };
  }

  async #report(facts: ProcessFacts, wal: (lsn: LsnText | null) => number | null): Promise<PostgresReport> {
    const postmaster = facts.postmasterPid === null ? null : readPostmasterFile(this.configuration.paths.dataDirectory);
    if (postmaster?.status !== 'ready') return this.#closed(facts, postmaster);
    this.#recovery.forget();
    const row = await this.#ask();
    if (row) this.#sessions = row;
    if (facts.stopping) this.#newSessions.forget();
    else this.#lookAtNewSessions();
    if (!row) {
      const report = idleReport(facts, stateWithoutAnswer(facts, postmaster), postmaster);
      return { ...report, serviceTrouble: this.#newSessions.trouble(this.#sessions.strangers) };
    }
    this.#refreshSlowFacts(row.loaded);
    return this.#fromRow(row, facts, postmaster, wal);
  }

  #lookAtNewSessions(): void {
    const { role_names: roles = {}, database_names: databases = {}, max_connections = 0 } = this.#slow?.row ?? {};
    this.#newSessions.look({ ...this.#sessions, maxConnections: max_connections }, { roles, databases });
  }

  async #closed(facts: ProcessFacts, postmaster: PostmasterStatus | null): Promise<PostgresReport> {
    this.#newSessions.forget();
    const report = idleReport(facts, stateWithoutAnswer(facts, postmaster), postmaster);
    if (postmaster === null || (report.state !== 'recovering' && report.state !== 'starting')) {
      this.#recovery.forget();
      return report;
    }
    const recovery = await this.#recovery.look(postmaster.pid, performance.now());
    return { ...report, recovery, replayBytesPerSecond: recovery?.bytesPerSecond ?? null };
  }

  /** Null when PostgreSQL doesn't answer in time. One question at a time: a hung server doesn't collect a queue of them. */
  async #ask(): Promise<FastRow | null> {
    this.#asking ??= this.connection
      .query<FastRow>(fastSql, { values: [this.#countedDatabases()], name: 'report', timeoutMs: probeTimeoutMs })
      .then(([row]) => {
        this.#newSessions.answered();
        return row ?? null;
      })
      .catch((error: unknown) => {
        this.#newSessions.unanswered(error);
        return null;
      })
      .finally(() => {
        this.#asking = null;
      });
    const asked = this.#asking;
    let timer: NodeJS.Timeout | undefined;
    const patience = new Promise<null>((resolve) => {
      timer = setTimeout(() => resolve(null), patienceMs);
    });
    return Promise.race([asked, patience]).finally(() => clearTimeout(timer));
  }

  #countedDatabases(): readonly string[] {
    const names = Object.entries(this.#slow?.row.database_names ?? {});
    return names.filter(([, name]) => !['postgres', 'template0', 'template1'].includes(name)).map(([oid]) => oid);
  }

  forget(): void {
    this.#newSessions.forget();
    this.#sessions = { connections: 0, strangers: 0, recovering: false };
    this.#slow = null;
    this.#rate = null;
    this.#replay = null;
    this.#senders = new SenderRates();
  }

  /** In the background: the first report after a start goes out without sizes rather than late. */
  #refreshSlowFacts(loaded: number): void {
    const fresh = this.#slow && this.#slow.loaded === loaded && performance.now() - this.#slow.at < slowFactsEveryMs;
    if (this.#slowRunning || fresh || performance.now() - this.#slowFailedAt < slowFactsAgainMs) return;
    this.#slowRunning = true;
    this.connection
      .query<SlowRow>(slowSql, { name: 'report-slow', timeoutMs: probeTimeoutMs })
      .then(([row]) => {
        if (row) this.#slow = { row, at: performance.now(), loaded };
      })
      .catch((error: unknown) => {
        this.#slowFailedAt = performance.now();
        this.#newSessions.failed(error);
      })
      .finally(() => {
        this.#slowRunning = false;
      });
  }

  #fromRow(
    row: FastRow,
    facts: ProcessFacts,
    postmaster: PostmasterStatus,
    wal: (lsn: LsnText | null) => number | null,
  ): PostgresReport {
    const lsn = row.written ?? later(row.receive, row.replay);
    const { members, others } = whoStreams(row.senders ?? [], this.configuration.standbyTag);
    return {
      state: facts.stopping ? 'stopping' : row.recovering ? 'standby' : 'primary',
      postmasterPid: postmaster.pid,
      timeline:
        row.timeline ?? Math.max(row.receiver?.timeline ?? 0, row.recovery_timeline ?? 0, row.checkpoint_timeline ?? 0),
      lsn,
      receiveLsn: row.recovering ? row.receive : null,
      replayLsn: row.recovering ? row.replay : null,
      replayLagMs: row.lag_ms === null ? null : Math.round(row.lag_ms),
      replayPaused: row.paused,
      walReceiver: row.receiver
        ? { status: row.receiver.status, fromNode: null, primaryLsn: row.receiver.primaryLsn }
        : null,
      senders: this.#senders.withRates(members, performance.now()),
      otherSenders: others,
      synchronousStandbyNames: row.standby_names,
      synchronousCommit: this.#slow?.row.synchronous_commit ?? null,
      lowerCommits: this.#slow?.row.lower_commits ?? [],
      prepared: this.#slow?.row.prepared ?? null,
      engineRoleSettings: this.#slow?.row.role_settings ?? [],
      settingsByHand: thatMatter(this.#slow?.row.by_hand ?? []),
      sourceAsSet: sourceAsSet(facts, row),
      connections: row.connections,
      maxConnections: this.#slow?.row.max_connections ?? 0,
      transactionsPerSecond: this.#transactionRate(row.transactions),
      databaseBytes: this.#slow?.row.database_bytes ?? null,
      walSinceCheckpointBytes: wal(lsn),
      replayBytesPerSecond: row.recovering ? this.#replayRate(row.replay) : null,
      startedAt: this.#slow?.row.started.toISOString() ?? postmaster.startedAt,
      version: this.#slow?.row.version ?? null,
      lastExit: facts.lastExit,
      archiveMode: this.#slow?.row.archive_mode ?? null,
      parameters:
        this.#slow && facts.requiredParameters
          ? { running: this.#slow.row.parameters, required: facts.requiredParameters }
          : null,
      pendingRestart: this.#slow?.row.pending_restart ?? null,
      slotRetainedBytes: this.#slow?.row.retained ?? null,
      slotsLost: this.#slow?.row.lost ?? null,
      slots: this.#slow?.row.slots ?? null,
      slotWalKeepBytes: this.#slow?.row.slot_keep ?? null,
      waitingCommits: row.waiting,
      serviceTrouble: this.#newSessions.trouble(row.strangers),
    };
  }

  /** Over at least a second, so that ten reports a second don't turn it into noise. */
  #transactionRate(transactions: number | null): number {
    const now = performance.now();
    const last = this.#rate;
    // Which databases there are is asked apart, and a little later.
    if (transactions === null) return last?.perSecond ?? 0;
    if (!last) this.#rate = { transactions, at: now, perSecond: 0 };
    else if (now - last.at >= 1000) {
      const perSecond = Math.max(0, ((transactions - last.transactions) / (now - last.at)) * 1000);
      this.#rate = { transactions, at: now, perSecond: Math.round(perSecond * 10) / 10 };
    }
    return this.#rate!.perSecond;
  }

  #replayRate(replay: LsnText | null): number | null {
    if (replay === null) return null;
    const now = performance.now();
    const lsn = toBigint(replay);
    const last = this.#replay;
    if (!last) this.#replay = { lsn, at: now, perSecond: null };
    else if (now - last.at >= 1000) {
      this.#replay = { lsn, at: now, perSecond: Math.round((Number(lsn - last.lsn) / (now - last.at)) * 1000) };
    }
    return this.#replay!.perSecond;
  }
}

function toBigint(lsn: LsnText): bigint {
  const [high, low] = lsn.split('/');
  return (BigInt(`0x${high}`) << 32n) | BigInt(`0x${low}`);
}

function later(a: LsnText | null, b: LsnText | null): LsnText | null {
  if (a === null || b === null) return a ?? b;
  return toBigint(a) >= toBigint(b) ? a : b;
}

function stateWithoutAnswer(facts: ProcessFacts, postmaster: PostmasterStatus | null): PostgresState {
  if (!facts.present) return 'absent';
  if (facts.postmasterPid === null) return facts.lastExit && !facts.lastExit.expected ? 'crashed' : 'stopped';
  if (facts.stopping || postmaster?.status === 'stopping') return 'stopping';
  if (postmaster?.status === 'standby') return 'recovering';
  if (postmaster?.status !== 'ready') return facts.recovering ? 'recovering' : 'starting';
  // Up, but it doesn't answer: its role is what it was started or promoted as.
  return facts.standbySignal ? 'standby' : 'primary';
}

function idleReport(facts: ProcessFacts, state: PostgresState, postmaster: PostmasterStatus | null): PostgresReport {
  return {
    state,
    postmasterPid: facts.postmasterPid,
    timeline: null,
    lsn: null,
    receiveLsn: null,
    replayLsn: null,
    replayLagMs: null,
    replayPaused: false,
    walReceiver: null,
    senders: [],
    synchronousStandbyNames: null,
    connections: 0,
    maxConnections: 0,
    transactionsPerSecond: 0,
    databaseBytes: null,
    walSinceCheckpointBytes: null,
    replayBytesPerSecond: null,
    startedAt: facts.postmasterPid === null ? null : (postmaster?.startedAt ?? null),
    version: null,
    lastExit: facts.lastExit,
    waitingCommits: 0,
  };
}
