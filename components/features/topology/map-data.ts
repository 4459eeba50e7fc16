/** The wire's topology in the map's own words. Pure. */
import type { ClusterNode, Group, Link, Topology } from '../../providers/wire';
import type { MapGroup, MapLink, MapNode } from '../../topology/model';

export function mapNodes(topology: Topology): readonly MapNode[] {
  const holders = new Set(topology.groups.map((group) => group.lease_holder));
  return topology.nodes.map((node) => mapNode(node, holders.has(node.id), topology.leader_node));
}

function mapNode(node: ClusterNode, holdsLease: boolean, leader: string | null): MapNode {
  return {
    id: node.id,
    group: node.group,
    region: node.region,
    role: node.role,
    status: node.status,
    statusReason: node.status_reason,
    lsn: node.lsn,
    lagBytes: node.lag_bytes,
    lagMs: node.lag_ms === null ? null : Math.round(node.lag_ms),
    cpuPercent: Math.round(node.cpu_usage),
    connections: node.connections,
    transactionsPerSecond: Math.round(node.transactions_per_second),
    holdsLease,
    leadsStore: node.id === leader,
    replayPaused: node.replay_paused,
    activity: node.activity,
  };
}

export function mapGroups(topology: Topology): readonly MapGroup[] {
  return topology.groups.map((group: Group) => ({
    name: group.name,
    primary: group.primary,
    mode: group.mode,
    writable: group.writable,
    degraded: group.degraded,
    sentence: group.sentence,
  }));
}

export function mapLinks(topology: Topology): readonly MapLink[] {
  return topology.links.map((link: Link) => ({
    from: link.from,
    to: link.to,
    kind: link.kind,
    state: link.state,
    mode: link.mode,
    lagBytes: link.lag_bytes,
    lagMs: link.lag_ms === null ? null : Math.round(link.lag_ms),
    bytesPerSecond: link.bytes_per_second === null ? null : Math.round(link.bytes_per_second),
    rttUs: link.rtt_us === null ? null : Math.round(link.rtt_us),
  }));
}
