/**
 * The wire's topology in the map's own words. Pure. Each list takes the one made before: rows that are drawn alike stay the same objects, and a list
 * without a change is the same list, so that a tick which touches nothing on the map costs nothing. A row of the wire that is the same object is not
 * even looked into.
 */
import type { ClusterNode, Group, Link, LoadBalancer, Topology } from '../../providers/wire';
import type { MapGroup, MapLayers, MapLink, MapNode, MapService } from '../../topology/model';
import { isPlannedPause } from '../frame/alarm';
import { heard } from '../nodes/heard';

export function mapNodes(topology: Topology, before: readonly MapNode[]): readonly MapNode[] {
  const holders = new Set(topology.groups.map((group) => group.lease_holder));
  // The same sample as on the link: a card and its link never name two lags.
  const lags = new Map<string, number | null>();
  for (const link of topology.links) if (link.kind === 'replication') lags.set(link.to, link.lag_bytes);
  return keep(
    before,
    topology.nodes.map((node) => {
      const holdsLease = holders.has(node.id);
      const leadsStore = node.id === topology.leader_node;
      const made = madeNodes.get(node);
      const lagBytes = lags.get(node.id) ?? node.lag_bytes;
      if (made?.holdsLease === holdsLease && made.leadsStore === leadsStore && made.lagBytes === lagBytes) return made;
      const row = { ...mapNode(node, holdsLease, leadsStore), lagBytes };
      madeNodes.set(node, row);
      return row;
    }),
  );
}

/** The router's pools, by the node that stands in them. */
export function mapServices(pools: LoadBalancer['pools']): ReadonlyMap<string, readonly MapService[]> {
  const services = new Map<string, MapService[]>();
  for (const { service, kind, endpoints } of pools) {
    for (const { node, state, reason, sessions } of endpoints) {
      const others = services.get(node) ?? [];
      services.set(node, [...others, { service, kind, state, reason, sessions }]);
    }
  }
  return services;
}

const madeNodes = new WeakMap<ClusterNode, MapNode>();
const madeLinks = new WeakMap<Link, MapLink>();

/** Rows are flat: equal fields are an equal row. */
function keep<T extends object>(before: readonly T[], after: readonly T[]): readonly T[] {
  const rows = after.map((row, at) => (alike(before[at], row) ? (before[at] as T) : row));
  return rows.length === before.length && rows.every((row, at) => row === before[at]) ? before : rows;
}

function alike<T extends object>(a: T | undefined, b: T): boolean {
  if (a === b) return true;
  if (a === undefined) return false;
  for (const name in b) if (a[name] !== b[name]) return false;
  return true;
}

function mapNode(node: ClusterNode, holdsLease: boolean, leadsStore: boolean): MapNode {
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
    cpuPercent: heard(node, Math.round(node.cpu_usage)),
    connections: heard(node, node.connections),
    transactionsPerSecond: heard(node, Math.round(node.transactions_per_second)),
    holdsLease,
    leadsStore,
    replayPaused: node.replay_paused,
    activity: node.activity,
  };
}

export function mapGroups(
  topology: Topology,
  before: readonly MapGroup[],
  changing: ReadonlySet<string>,
): readonly MapGroup[] {
  const groups = topology.groups.map((group: Group) => ({
    name: group.name,
    primary: group.primary,
    mode: group.mode,
    writable: group.writable,
    planned: !group.writable && isPlannedPause(topology.problems, group.name, changing),
    degraded: group.degraded,
    sentence: group.sentence,
  }));
  return keep(before, groups);
}

/** Only the layers that are shown: a large cluster has ten interconnect links for each that carries WAL. */
export function mapLinks(topology: Topology, before: readonly MapLink[], layers: MapLayers): readonly MapLink[] {
  const shown = topology.links.filter((link) => layers[link.kind]);
  const links = shown.map((link) => {
    const row = madeLinks.get(link) ?? mapLink(link);
    madeLinks.set(link, row);
    return row;
  });
  return keep(before, links);
}

function mapLink(link: Link): MapLink {
  return {
    from: link.from,
    to: link.to,
    kind: link.kind,
    state: link.state,
    mode: link.mode,
    lagBytes: link.lag_bytes,
    lagMs: link.lag_ms === null ? null : Math.round(link.lag_ms),
    bytesPerSecond: link.bytes_per_second === null ? null : Math.round(link.bytes_per_second),
    rttUs: link.rtt_us === null ? null : Math.round(link.rtt_us),
  };
}
