/** What a simulated server tells when it is asked several times a second, in the words of `engine/postgres/report.ts`. */
import type { OtherSender, PostgresReport, PostgresState, ReplicationSender } from '../../cluster/model';
import { formatLsn } from '../../kernel/lsn';
import type { ControlData, ServerExit } from '../../postgres/api';
import type { DataDirectory } from './pg-data';
import type { PgEngine } from './pg-engine';

const parameters = {
  max_connections: 100,
  max_worker_processes: 16,
  max_wal_senders: 16,
  max_prepared_transactions: 0,
  max_locks_per_transaction: 64,
} as const;

export function lsnText(position: number): string {
  return formatLsn(BigInt(position));
}

export function controlOf(data: DataDirectory): ControlData {
  return {
    systemIdentifier: data.systemIdentifier,
    state: data.controlState,
    timeline: data.timeline,
    checkpointLsn: lsnText(data.checkpoint),
    redoLsn: lsnText(data.checkpoint),
    minRecoveryLsn: lsnText(data.lsn),
    parameters,
  };
}

export type ProcessSide = {
  readonly state: PostgresState;
  readonly pid: number | null;
  readonly lastExit: ServerExit | null;
};

export function reportOf(engine: PgEngine, { state, pid, lastExit }: ProcessSide): PostgresReport {
  const answers = (state === 'primary' || state === 'standby') && engine.postmasterAlive && !engine.life?.frozen;
  const standby = state === 'standby' && answers;
  const lsn = answers ? lsnText(engine.lsn) : null;
  return {
    state,
    postmasterPid: pid,
    timeline: answers ? engine.timeline : null,
    lsn,
    receiveLsn: standby && engine.receiver ? lsn : null,
    replayLsn: standby ? lsn : null,
    replayLagMs: standby ? 0 : null,
    replayPaused: false,
    walReceiver: standby && engine.receiver ? { status: 'streaming', fromNode: null } : null,
    senders: answers ? sendersOf(engine) : [],
    otherSenders: answers ? consumersOf(engine) : [],
    synchronousCommit: answers ? engine.setting('synchronous_commit') || 'on' : null,
    lowerCommits: [],
    sourceAsSet: null,
    synchronousStandbyNames: answers ? engine.setting('synchronous_standby_names') : null,
    connections: 4,
    maxConnections: 100,
    transactionsPerSecond: answers && state === 'primary' ? 100 : 0,
    databaseBytes: 1_000_000,
    walSinceCheckpointBytes: 0,
    replayBytesPerSecond: null,
    startedAt: null,
    version: '18.4',
    lastExit,
    parameters: { running: parameters, required: parameters },
    waitingCommits: answers ? engine.waiting : 0,
  };
}

/** Consumers have no slot of a member and another login. */
function consumersOf(engine: PgEngine): OtherSender[] {
  return [...engine.streams.values()]
    .filter((stream) => stream.open && stream.standby === null)
    .map((stream) => ({
      name: stream.name,
      user: 'app',
      pid: 700,
      counts: stream.names.members.includes(stream.name),
      state: stream.state,
      syncState: 'async',
      sentLsn: lsnText(stream.sent),
      writeLsn: lsnText(stream.flushed),
      flushLsn: lsnText(stream.flushed),
      replayLsn: lsnText(stream.flushed),
      replyAgeMs: 0,
    }));
}

function sendersOf(engine: PgEngine): ReplicationSender[] {
  return [...engine.streams.values()]
    .flatMap((stream) => (stream.open && stream.standby !== null ? [{ stream, standby: stream.standby }] : []))
    .map(({ stream, standby }) => ({
      applicationName: standby.id,
      name: stream.name,
      state: stream.state,
      syncState: stream.names.members.includes(stream.name) ? 'quorum' : 'async',
      sentLsn: lsnText(stream.sent),
      writeLsn: lsnText(stream.flushed),
      flushLsn: lsnText(stream.flushed),
      replayLsn: lsnText(stream.flushed),
      replyAgeMs: 0,
      repliedAt: stream.lastReplyAt / 1000 + stream.replies / 1e6,
    }));
}
