/** Groups, links and counts on the wire. */
import { actsWithoutStandby } from '@/engine/cluster/core/voter-set';
import type { ClusterView, GroupView, NodeView } from '@/engine/cluster/model';
import type { CurrentView } from '@/server/engine-client/api';
import { sortedGroups } from './find';
import { presentNodes } from './present-node';

export function presentTopology(current: CurrentView, admin: boolean) {
  const { view } = current;
  return {
    cluster_id: view.cluster.clusterId,
    cluster_name: view.config.clusterName,
    nodes: presentNodes(current, admin),
    groups: sortedGroups(view).map((group) => presentGroup(current, group)),
    links: view.links.map((link) => ({
      from: link.from,
      to: link.to,
      kind: link.kind,
      state: link.state,
      mode: link.mode,
      lag_bytes: link.lagBytes,
      lag_ms: link.lagMs,
      bytes_per_second: link.bytesPerSecond,
      rtt_us: link.rttUs,
    })),
    ...counts(view),
    sentence: view.sentence,
    problems: view.problems.map((problem) => ({ ...problem })),
    revision: view.revision,
    age_ms: Math.round(current.ageMs),
    live: current.live,
    timestamp: Math.floor(Date.parse(view.at) / 1000),
  };
}

/** degraded = degraded + initializing + maintenance; failed = unhealthy + stopped; the three sum to the total. */
export function counts(view: ClusterView) {
  let healthy = 0;
  let degraded = 0;
  let failed = 0;
  for (const { status } of view.nodes) {
    if (status === 'healthy') healthy++;
    else if (status === 'unhealthy' || status === 'stopped') failed++;
    else degraded++;
  }
  return {
    leader_node: view.raft.leader,
    quorum_size: view.raft.quorumSize,
    total_nodes: view.nodes.length,
    healthy_nodes: healthy,
    degraded_nodes: degraded,
    failed_nodes: failed,
    has_quorum: view.raft.hasQuorum,
  };
}

const memberTables = new WeakMap<ClusterView['nodes'], ReadonlyMap<string, NodeView[]>>();

/** Sorted into groups once per view: hundreds of groups must not each search a thousand nodes. */
export function membersOf({ nodes }: ClusterView, group: string): readonly NodeView[] {
  let table = memberTables.get(nodes);
  if (!table) {
    const sorted = new Map<string, NodeView[]>();
    for (const node of nodes) {
      const members = sorted.get(node.record.group);
      if (members) members.push(node);
      else sorted.set(node.record.group, [node]);
    }
    table = sorted;
    memberTables.set(nodes, table);
  }
  return table.get(group) ?? [];
}

export function presentGroup({ view }: CurrentView, group: GroupView) {
  const { record } = group;
  const members = membersOf(view, record.name);
  const primary = members.find((node) => node.record.id === record.primary)?.report?.postgres;
  const leased = group.leaseExpiresInMs !== null && group.leaseExpiresInMs > 0;
  return {
    name: record.name,
    primary: record.primary,
    epoch: record.epoch,
    mode: record.mode,
    degraded: group.degraded,
    timeline: record.timeline,
    lease_holder: leased && !record.leaseReleased ? record.primary : null,
    lease_expires_in_ms: group.leaseExpiresInMs,
    readable: group.readable,
    writable: group.writable,
    automatic_failover: record.automaticFailover,
    automatic_failover_paused_by: record.automaticFailoverPausedBy,
    sentence: group.sentence,
    members: members.map((node) => node.record.id),
    voters: [...record.voterSet.members],
    required_acknowledgements: record.voterSet.k,
    promotable: record.promotable,
    on_no_standby: actsWithoutStandby(record),
    failover_wait: record.failoverWait,
    data_at_risk_bytes: group.dataAtRiskBytes,
    waiting_commits: primary?.waitingCommits ?? 0,
    write_rate: primary?.transactionsPerSecond ?? 0,
    operation: record.operation,
    settings: { ...record.settings },
    timeline_history: record.timelineHistory.map((entry) => ({
      epoch: entry.epoch,
      timeline: entry.timeline,
      start_lsn: entry.startLsn,
      primary: entry.primary,
      at: entry.at,
    })),
  };
}
