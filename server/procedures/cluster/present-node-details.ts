/** What one node answers about itself, in snake_case. */
import type { Fault } from '@/engine/interconnect/api';
import type { ResourceSample } from '@/engine/monitoring/model';
import type { LogLine, SessionInfo, SettingInfo, WalStatus } from '@/engine/runtime/engine-api';
import { statementKind } from './present-statement';

/** `readsStatements`: who may end sessions may also see what they run. */
export function presentSession(session: SessionInfo, readsStatements: boolean) {
  return {
    pid: session.pid,
    user: session.user,
    database: session.database,
    application_name: session.applicationName,
    client_address: session.clientAddress,
    state: session.state,
    wait_event_type: session.waitEventType,
    wait_event: session.waitEvent,
    query: readsStatements ? session.query : statementKind(session.query),
    started_at: session.startedAt,
    transaction_started_at: session.transactionStartedAt,
    query_started_at: session.queryStartedAt,
    blocked_by: [...session.blockedBy],
    blocked_by_prepared: (session.blockedByPrepared ?? []).map(({ gid, owner, database, preparedAt }) => ({
      gid,
      owner,
      database,
      prepared_at: preparedAt,
    })),
    backend_type: session.backendType,
  };
}

export function presentLogLine(line: LogLine) {
  const { at, level, pid, message, sqlState, user, database } = line;
  return { at, level, pid, message, sql_state: sqlState, user, database };
}

export function presentSetting(setting: SettingInfo) {
  return {
    name: setting.name,
    value: setting.value,
    unit: setting.unit,
    category: setting.category,
    description: setting.description,
    context: setting.context,
    type: setting.type,
    source: setting.source,
    boot_value: setting.bootValue,
    pending_restart: setting.pendingRestart,
    managed: setting.managed,
  };
}

export function presentSample(sample: ResourceSample) {
  return {
    at: sample.at,
    cpu_percent: sample.cpuPercent,
    memory_percent: sample.memoryPercent,
    disk_used_bytes: sample.diskUsedBytes,
    disk_total_bytes: sample.diskTotalBytes,
    transactions_per_second: sample.transactionsPerSecond,
    connections: sample.connections,
    wal_bytes_per_second: sample.walBytesPerSecond,
    replay_lag_ms: sample.replayLagMs,
    lag_bytes: sample.lagBytes,
  };
}

export function presentFault(node: string, fault: Fault) {
  return {
    node,
    peer: fault.peer,
    direction: fault.direction,
    channel: fault.channel,
    kind: fault.kind,
    probability: fault.probability ?? null,
    delay_ms: fault.delayMs ?? null,
    jitter_ms: fault.jitterMs ?? null,
    until: fault.until ?? null,
  };
}

export function presentWal(wal: WalStatus) {
  return {
    current_lsn: wal.currentLsn,
    timeline: wal.timeline,
    segments_bytes: wal.segmentsBytes,
    slots: wal.slots.map((slot) => ({
      name: slot.name,
      active: slot.active,
      restart_lsn: slot.restartLsn,
      retained_bytes: slot.retainedBytes,
      wal_status: slot.walStatus,
    })),
    archiver: {
      mode: wal.archiver.mode,
      last_archived_wal: wal.archiver.lastArchivedWal,
      failed_count: wal.archiver.failedCount,
    },
  };
}
