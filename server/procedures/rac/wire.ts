/** The agents' interconnect on the wire: what its links count, nothing else. */
import { z } from 'zod';
import { bigCount, bytes, isoTime, milliseconds, nodeId } from '../shared/primitives';
import { linkStatus } from '../shared/wire-link';

export const interconnectStatus = z
  .object({
    local_node: nodeId.meta({ description: 'Node that answered; everything here is as it sees it' }),
    listen_address: z.string().meta({ description: 'Host and port where its agent listens' }),
    is_running: z.boolean().meta({ description: 'Its agent answers' }),
    connected_nodes: z.int().meta({ description: 'Peers that it is connected to' }),
    active_connections: z.int().meta({ description: 'Links that are up; one per peer' }),
    healthy_nodes: z.array(z.string()).meta({ description: 'Peers that are connected and heard as usual' }),
    suspected_nodes: z
      .array(z.string())
      .meta({ description: 'Peers that are connected and silent for longer than usual (phi of 3 or more)' }),
    down_nodes: z.array(z.string()).meta({ description: 'Peers that it is not connected to' }),
    links: z.array(linkStatus),
  })
  .meta({ id: 'InterconnectStatus', description: 'The interconnect as one node sees it' });

const counts = {
  messages_sent: bigCount.meta({ description: 'Messages handed to connections', scalar: 'BigInt' }),
  messages_received: bigCount.meta({ description: 'Messages that arrived', scalar: 'BigInt' }),
  bytes_sent: bytes.meta({ description: 'Bytes sent, frames and all', scalar: 'BigInt' }),
  bytes_received: bytes.meta({ description: 'Bytes received, frames and all', scalar: 'BigInt' }),
  queued_bytes: bytes.meta({ description: 'Bytes that wait to be sent now', scalar: 'BigInt' }),
  failed_sends: bigCount.meta({
    description: 'Messages dropped: no connection, a full queue, too large, or an injected fault',
    scalar: 'BigInt',
  }),
  heartbeat_failures: bigCount.meta({ description: 'Pings that were never answered', scalar: 'BigInt' }),
  reconnects: bigCount.meta({ description: 'Connections made again after the first', scalar: 'BigInt' }),
  links: z.int().meta({ description: 'Links, one for each direction of each pair of nodes' }),
  connected_links: z.int().meta({ description: 'Links that are up' }),
  avg_throughput_mbps: z
    .number()
    .nullable()
    .meta({ description: 'Megabits sent a second since the agents started; null: not known since when' }),
};

const latency = {
  avg_message_latency_us: z.number().nullable().meta({
    description:
      'Half the mean round trip of the links that are up (each its median of the last 128 pings), microseconds. An estimate: the two ways are not measured apart, nodes share no clock. Null: no round trip measured yet',
  }),
};

export const interconnectStats = z
  .object({
    ...counts,
    ...latency,
    nodes: z
      .array(
        z
          .object({
            node_id: z.string(),
            since: isoTime.nullable().meta({ description: 'When its agent began to count', scalar: 'DateTime' }),
            ...counts,
            ...latency,
          })
          .meta({ id: 'InterconnectNodeStats', description: 'What one agent counted on its links' }),
      )
      .meta({ description: 'One entry per node that answered' }),
    missing_nodes: z
      .array(z.string())
      .meta({ description: 'Nodes that did not answer: their counts are not in the sums' }),
  })
  .meta({ id: 'InterconnectStats', description: 'Messages and bytes between agents since they started' });

export const linkLatency = z
  .object({
    from: z.string().meta({ description: 'Node that measured' }),
    to: z.string().meta({ description: 'Node that answered its pings' }),
    connected: z.boolean(),
    rtt_us: linkStatus.shape.rtt_us,
    last_heard_ms: milliseconds.nullable().meta({ description: 'Since anything was heard; null: never' }),
    phi: z.number().nullable().meta({ description: 'Suspicion; for display only' }),
  })
  .meta({ id: 'LinkLatency', description: 'Round trips of one link over its last 128 pings' });
