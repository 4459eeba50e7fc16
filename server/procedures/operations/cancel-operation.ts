/** Cancels an operation where its current step allows. */
import { z } from 'zod';
import { mutation } from '../definition';
import { requesterOf } from '../shared/identity';
import { presentOperation } from '../shared/present-operation';
import { operationId } from '../shared/primitives';
import { operation } from '../shared/wire-operation';

export const cancel = mutation({
  name: 'operations.cancel',
  summary: 'Cancel where its current step allows',
  rest: { method: 'POST', path: '/operations/{id}/cancel', status: 200 },
  graphql: { field: 'cancelOperation' },
  role: 'operator',
  rate: 'write',
  input: z.strictObject({
    id: operationId,
    reason: z.string().max(500).optional().meta({ description: 'Why; kept in the audit log' }),
  }),
  output: operation,
  errors: ['FORBIDDEN', 'NOT_FOUND', 'CONFLICT', 'UNAVAILABLE'],
  example: { id: '01900000-0000-7000-8000-000000000000' },
  async handler({ input, context }) {
    const requester = requesterOf(context, input.reason);
    return presentOperation(await context.engine.leader('operation.cancel', { id: input.id, requester }));
  },
});
