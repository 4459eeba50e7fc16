/** Sums and verdicts over what the links of the agents count. Pure. */
import type { NodeView } from '@/engine/cluster/model';
import type { PeerLinkStatus } from '@/engine/interconnect/api';
import { presentLinkStatus } from '../shared/present-link';

/** Once in a thousand silences of this length (phi 3): worth a look, not yet a loss. */
const suspectedPhi = 3;

export function presentInterconnect({ record }: NodeView, links: readonly PeerLinkStatus[]) {
  const up = links.filter((link) => link.connected);
  const isSuspected = (link: PeerLinkStatus) => (link.phi ?? 0) >= suspectedPhi;
  return {
    local_node: record.id,
    listen_address: `${record.host}:${record.agentPort}`,
    is_running: true,
    connected_nodes: up.length,
    active_connections: up.length,
    healthy_nodes: up.filter((link) => !isSuspected(link)).map((link) => link.peer),
    suspected_nodes: up.filter(isSuspected).map((link) => link.peer),
    down_nodes: links.filter((link) => !link.connected).map((link) => link.peer),
    links: links.map(presentLinkStatus),
  };
}

export type CountedNode = { readonly node: NodeView; readonly answer: readonly PeerLinkStatus[] };

export function presentInterconnectStats(counted: readonly CountedNode[], missing: string[], nowMs: number) {
  const nodes = counted.map(({ node, answer }) => {
    const since = node.report?.agentStartedAt ?? null;
    const seconds = since === null ? null : (nowMs - Date.parse(since)) / 1000;
    const counts = countsOf(answer);
    const known = seconds !== null && seconds > 0;
    return {
      node_id: node.record.id,
      since,
      ...counts,
      avg_message_latency_us: oneWayUs(answer),
      avg_throughput_mbps: known ? (counts.bytes_sent * 8) / 1e6 / seconds : null,
    };
  });
  const sum = (name: keyof ReturnType<typeof countsOf>) => nodes.reduce((total, one) => total + one[name], 0);
  const rates = nodes.flatMap((one) => one.avg_throughput_mbps ?? []);
  return {
    messages_sent: sum('messages_sent'),
    messages_received: sum('messages_received'),
    bytes_sent: sum('bytes_sent'),
    bytes_received: sum('bytes_received'),
    queued_bytes: sum('queued_bytes'),
    failed_sends: sum('failed_sends'),
    heartbeat_failures: sum('heartbeat_failures'),
    reconnects: sum('reconnects'),
    links: sum('links'),
    connected_links: sum('connected_links'),
    avg_throughput_mbps: rates.length === nodes.length ? rates.reduce((total, one) => total + one, 0) : null,
    avg_message_latency_us: oneWayUs(counted.flatMap(({ answer }) => answer)),
    nodes,
    missing_nodes: missing,
  };
}

/** Half a round trip: how long one way takes nobody can measure without a common clock. */
function oneWayUs(links: readonly PeerLinkStatus[]): number | null {
  const roundTrips = links.flatMap((link) => (link.connected && link.rttUs !== null ? [link.rttUs.p50] : []));
  if (roundTrips.length === 0) return null;
  return roundTrips.reduce((sum, one) => sum + one, 0) / roundTrips.length / 2;
}

function countsOf(links: readonly PeerLinkStatus[]) {
  const sum = (of: (link: PeerLinkStatus) => number) => links.reduce((total, link) => total + of(link), 0);
  return {
    messages_sent: sum((link) => link.sentMessages),
    messages_received: sum((link) => link.receivedMessages),
    bytes_sent: sum((link) => link.sentBytes),
    bytes_received: sum((link) => link.receivedBytes),
    queued_bytes: sum((link) => link.queuedBytes),
    failed_sends: sum((link) => link.droppedMessages),
    heartbeat_failures: sum((link) => link.lostPings ?? 0),
    reconnects: sum((link) => link.reconnects),
    links: links.length,
    connected_links: links.filter((link) => link.connected).length,
  };
}
