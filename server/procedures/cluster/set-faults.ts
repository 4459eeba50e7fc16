/** Fault injection on the interconnect and the WAL stream; each fault ends by itself. */
import { z } from 'zod';
import { ClusterError } from '@/engine/kernel/errors';
import { mutation } from '../definition';
import { findNode } from '../shared/find';
import { requesterOf } from '../shared/identity';
import { nodeId } from '../shared/primitives';
import { presentFault } from './present-node-details';
import { fault } from './wire-node-details';

const faultsOfNode = 20;

const faultInput = z
  .strictObject({
    peer: nodeId.nullable().default(null).meta({ description: 'Towards this node; null: all' }),
    direction: z.enum(['in', 'out', 'both']).default('both'),
    channel: z.enum(['interconnect', 'wal', 'both']).default('both'),
    kind: z.enum(['partition', 'drop', 'delay']),
    probability: z.number().min(0).max(1).optional().meta({ description: 'For drop' }),
    delay_ms: z.number().min(0).max(60_000).optional().meta({ description: 'For delay' }),
    jitter_ms: z.number().min(0).max(60_000).optional(),
    duration_ms: z.int().min(100).max(600_000).meta({ description: 'The fault ends by itself after this' }),
  })
  .meta({ id: 'FaultInput', description: 'A fault to inject' });

export const setFaults = mutation({
  name: 'cluster.setFaults',
  summary: 'Fault injection on the interconnect (rehearsal; off by default)',
  rest: { method: 'PUT', path: '/cluster/faults' },
  graphql: { field: 'setFaults' },
  role: 'admin',
  rate: 'write',
  local: true,
  input: z.strictObject({
    node: nodeId.meta({ description: 'The node whose traffic is disturbed' }),
    faults: z.array(faultInput).max(faultsOfNode).meta({ description: 'Replaces those of the node; empty heals it' }),
    reason: z.string().max(500).optional().meta({ description: 'Why; kept in the audit log' }),
  }),
  output: z.array(fault).max(faultsOfNode),
  itemsAtMost: faultsOfNode,
  errors: ['INVALID_INPUT', 'FORBIDDEN', 'NOT_FOUND', 'TIMEOUT', 'UNAVAILABLE'],
  example: { node: 'node-3', faults: [] },
  async handler({ input, context }) {
    if (!context.facts.rehearsalEnabled) {
      throw new ClusterError('FORBIDDEN', 'Fault injection is off: start the cluster with rehearsal enabled', {
        reasons: [
          {
            rule: 'rehearsal-enabled',
            measured: 'off',
            limit: 'on',
            remedy: 'Start with RUSTYDB_REHEARSAL=1 in the environment; never on a cluster that matters',
          },
        ],
      });
    }
    findNode(context.engine.current().view, input.node);
    const faults = await context.engine.node(input.node, 'node.faults.set', {
      faults: input.faults.map((one) => ({
        peer: one.peer,
        direction: one.direction,
        channel: one.channel,
        kind: one.kind,
        ...(one.probability === undefined ? {} : { probability: one.probability }),
        ...(one.delay_ms === undefined ? {} : { delayMs: one.delay_ms }),
        ...(one.jitter_ms === undefined ? {} : { jitterMs: one.jitter_ms }),
        until: new Date(Date.now() + one.duration_ms).toISOString(),
      })),
      requester: requesterOf(context, input.reason),
    });
    return faults.map((one) => presentFault(input.node, one));
  },
});
