/** An interconnect link as clients see it. */
import { z } from 'zod';
import { bigCount, bytes, milliseconds } from './primitives';

export const linkStatus = z
  .object({
    peer: z.string(),
    connected: z.boolean(),
    rtt_us: z
      .object({ last: z.number(), p50: z.number(), p99: z.number() })
      .meta({ id: 'RoundTrip', description: 'Round trip in microseconds' })
      .nullable(),
    last_heard_ms: milliseconds.nullable(),
    phi: z.number().nullable().meta({ description: 'Suspicion; for display only' }),
    sent_messages: bigCount,
    received_messages: bigCount,
    sent_bytes: bytes,
    received_bytes: bytes,
    queued_bytes: bytes,
    dropped_messages: bigCount,
    reconnects: bigCount,
  })
  .meta({ id: 'LinkStatus', description: 'One interconnect link as the node sees it' });
