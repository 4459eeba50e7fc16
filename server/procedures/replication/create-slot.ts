/** Creates a replication slot on the primary of a group. */
import { ClusterError } from '@/engine/kernel/errors';
import { mutation } from '../definition';
import { findGroup } from '../shared/find';
import { runOperation } from '../shared/operate';
import { operation } from '../shared/wire-operation';
import { presentSlot } from './present-slots';
import { findSlot } from './slots';
import { createSlotInput, replicationSlot } from './wire-slots';

export const createSlot = mutation({
  name: 'replication.createSlot',
  summary: 'Create a replication slot: physical, or logical with its output plugin',
  description:
    'On the primary. A physical slot, and a logical one without failover, stays behind on its node at a change of primary; with failover the standbys hold copies that go on.',
  rest: { method: 'POST', path: '/replication/slots' },
  graphql: { field: 'createReplicationSlot', style: 'input' },
  role: 'operator',
  rate: 'write',
  input: createSlotInput,
  output: operation,
  errors: ['INVALID_INPUT', 'FORBIDDEN', 'NOT_FOUND', 'CONFLICT', 'PRECONDITION_FAILED', 'TIMEOUT', 'UNAVAILABLE'],
  example: { slot_name: 'audit_feed', slot_type: 'logical', plugin: 'pgoutput', group: 'alpha', dry_run: true },
  legacy: {
    status: 201,
    output: replicationSlot,
    async present(done, context) {
      if (done.request.kind !== 'create-slot') throw new ClusterError('INTERNAL', `${done.kind} made no slot`);
      const { slot, group } = done.request;
      return presentSlot(await findSlot(context, slot.name, { group, node: done.chosen ?? undefined }));
    },
  },
  handler({ input, context }) {
    const group = findGroup(context.engine.current().view, input.group).record.name;
    if (input.temporary) {
      throw new ClusterError(
        'INVALID_INPUT',
        'A temporary slot ends with the session that makes it: make it in the session that uses it',
      );
    }
    const logical = input.slot_type === 'logical';
    if (logical && input.plugin === undefined) {
      throw new ClusterError('INVALID_INPUT', 'plugin: a logical slot needs an output plugin, e.g. pgoutput');
    }
    return runOperation(context, input, {
      kind: 'create-slot',
      group,
      slot: {
        name: input.slot_name,
        type: input.slot_type,
        plugin: input.plugin ?? null,
        database: input.database ?? (logical ? 'app' : null),
        failover: input.failover ?? false,
        twoPhase: input.two_phase ?? false,
      },
    });
  },
});
