/** A node of the view on the wire. Process ids and paths only for admins. */
import type { NodeView, PostgresReport } from '@/engine/cluster/model';
import { lagBytes } from '@/engine/kernel/lsn';
import type { CurrentView } from '@/server/engine-client/api';
import type { WireNode } from './wire-node';

/** node-2 before node-10. */
export function naturalName(id: string): [string, number, string] {
  const match = /^(.*?)(\d{1,15})$/.exec(id);
  return match ? [match[1]!, Number(match[2]), id] : [id, -1, id];
}

/** The server of each group's primary, looked up once per answer rather than once per node. */
type Primaries = ReadonlyMap<string, PostgresReport>;

export function presentNodes(current: CurrentView, admin: boolean): WireNode[] {
  const primaries = primariesOf(current);
  return current.view.nodes.map((node) => presentWith(primaries, current, node, admin));
}

export function presentNode(current: CurrentView, node: NodeView, admin: boolean): WireNode {
  return presentWith(primariesOf(current), current, node, admin);
}

function primariesOf({ view }: CurrentView): Primaries {
  const primaries = new Map<string, PostgresReport>();
  for (const node of view.nodes) {
    if (node.role === 'primary' && node.report) primaries.set(node.record.group, node.report.postgres);
  }
  return primaries;
}

function presentWith(primaries: Primaries, current: CurrentView, node: NodeView, admin: boolean): WireNode {
  const { record, report } = node;
  const postgres = report?.postgres ?? null;
  const now = Date.parse(current.view.at);
  return {
    id: record.id,
    node_id: record.id,
    name: record.id,
    address: record.host,
    port: record.postgresPort,
    role: node.role,
    cluster_role: node.role === 'primary' ? 'leader' : 'follower',
    status: node.status,
    status_reason: node.statusReason,
    version: postgres?.version ?? '',
    uptime_seconds: uptimeSeconds(postgres, now),
    last_heartbeat: lastHeartbeat(node, now),
    cpu_usage: report?.cpuPercent ?? 0,
    memory_usage: report?.memoryPercent ?? 0,
    group: record.group,
    region: record.region,
    lsn: postgres?.lsn ?? null,
    replay_lsn: postgres?.replayLsn ?? null,
    timeline: postgres?.timeline ?? null,
    ...lagOf(node, primaries.get(record.group) ?? null),
    replay_paused: postgres?.replayPaused ?? false,
    postgres_state: postgres?.state ?? 'unknown',
    wanted: record.wanted,
    maintenance: record.maintenance,
    priority: record.priority,
    raft_role: node.raftRole,
    promised_epoch: report?.promisedEpoch ?? null,
    lease_remaining_ms: report?.lease?.held ? report.lease.remainingMs : null,
    connections: postgres?.connections ?? 0,
    max_connections: postgres?.maxConnections ?? 0,
    waiting_commits: postgres?.waitingCommits ?? 0,
    transactions_per_second: postgres?.transactionsPerSecond ?? 0,
    database_bytes: postgres?.databaseBytes ?? null,
    disk_used_bytes: report?.diskUsedBytes ?? 0,
    disk_total_bytes: report?.diskTotalBytes ?? 0,
    disk_full_in_ms: report?.diskFullInMs ?? null,
    slot_retained_bytes: postgres?.slotRetainedBytes ?? null,
    memory_bytes: report?.memoryBytes ?? 0,
    loop_block_ms: report?.loopBlockMs ?? 0,
    activity: report?.activity ?? null,
    troubles: [...(report?.troubles ?? [])],
    agent_port: record.agentPort,
    probe_port: record.probePort ?? null,
    release: report?.release ?? null,
    report_age_ms: node.reportAgeMs,
    ...(admin
      ? {
          agent_pid: report?.agentPid ?? null,
          postmaster_pid: postgres?.postmasterPid ?? null,
          data_directory: report?.dataDirectory ?? null,
        }
      : {}),
  };
}

export function lagOf(
  node: NodeView,
  primary: PostgresReport | null,
): { lag_bytes: number | null; lag_ms: number | null } {
  if (node.role === 'primary') return { lag_bytes: 0, lag_ms: 0 };
  const postgres = node.report?.postgres;
  if (!postgres) return { lag_bytes: null, lag_ms: null };
  const behind = lagBytes(primary?.lsn ?? null, postgres.replayLsn ?? postgres.lsn);
  return { lag_bytes: behind, lag_ms: behind === 0 ? 0 : postgres.replayLagMs };
}

/** Unix seconds of the last report; 0 when there never was one. */
export function lastHeartbeat(node: NodeView, now: number): number {
  return node.reportAgeMs === null ? 0 : Math.max(0, Math.floor((now - node.reportAgeMs) / 1000));
}

function uptimeSeconds(postgres: PostgresReport | null, now: number): number {
  if (!postgres?.startedAt || !['primary', 'standby', 'recovering'].includes(postgres.state)) return 0;
  return Math.max(0, Math.floor((now - Date.parse(postgres.startedAt)) / 1000));
}
