/** Drops a replication slot of a user. */
import { z } from 'zod';
import { mutation } from '../definition';
import { runOperation } from '../shared/operate';
import { guardInput } from '../shared/primitives';
import { operation } from '../shared/wire-operation';
import { findSlot } from './slots';
import { slotNameArgument, slotPlace } from './wire-slots';

export const deleteSlot = mutation({
  name: 'replication.deleteSlot',
  summary: 'Drop a replication slot that nobody uses',
  description:
    "The engine's own, copies on standbys, and slots that somebody reads from are refused, with what to do instead.",
  rest: { method: 'DELETE', path: '/replication/slots/{name}' },
  graphql: { field: 'deleteReplicationSlot' },
  role: 'operator',
  rate: 'write',
  input: z.strictObject({ name: slotNameArgument, ...slotPlace, ...guardInput }),
  output: operation,
  errors: ['INVALID_INPUT', 'FORBIDDEN', 'NOT_FOUND', 'CONFLICT', 'PRECONDITION_FAILED', 'TIMEOUT', 'UNAVAILABLE'],
  example: { name: 'audit_feed', group: 'alpha', dry_run: true },
  legacy: { status: 204, output: null, present: () => null },
  async handler({ input, context }) {
    const found = await findSlot(context, input.name, input, { only: true });
    const group = found.in.group.record.name;
    return runOperation(context, input, { kind: 'drop-slot', group, node: found.node, name: input.name });
  },
});
