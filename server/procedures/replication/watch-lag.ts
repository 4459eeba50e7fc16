/** A replica's lag, each time it crosses or changes above the threshold. */
import { z } from 'zod';
import { subscription } from '../definition';
import { viewChanges } from '../shared/view-stream';
import { presentLag } from './present';
import { replicaLag } from './wire';

export const watchLag = subscription({
  name: 'replication.watchLag',
  summary: "A replica's lag, each time it changes at or above the threshold, and once when it falls below",
  rest: { method: 'GET', path: '/replication/lag/changes' },
  graphql: { field: 'replicationLagChanged', typeName: 'ReplicationLag' },
  role: 'viewer',
  rate: 'read',
  input: z.strictObject({
    threshold_ms: z.int().min(0).max(86_400_000).meta({ description: 'Milliseconds; 0 tells every change' }),
  }),
  output: replicaLag,
  errors: ['UNAVAILABLE'],
  example: { threshold_ms: 1000 },
  async *handler({ input, context }) {
    const last = new Map<string, number>();
    for await (const current of viewChanges(context)) {
      for (const replica of presentLag(current, undefined).replicas) {
        const before = last.get(replica.node_id);
        const wasAbove = before !== undefined && before >= input.threshold_ms;
        if (replica.lag_ms !== before && (replica.lag_ms >= input.threshold_ms || wasAbove)) yield replica;
        last.set(replica.node_id, replica.lag_ms);
      }
    }
  },
});
