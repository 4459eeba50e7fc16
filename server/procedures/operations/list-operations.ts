/** Operations, running and past, newest first. */
import { z } from 'zod';
import { query } from '../definition';
import { pageOfOperations } from '../shared/operation-history';
import { presentOperation } from '../shared/present-operation';
import { groupName, pageInput, partialPageOf } from '../shared/primitives';
import { operation, operationKind, operationState } from '../shared/wire-operation';

export const list = query({
  name: 'operations.list',
  summary: 'Operations, running and past',
  rest: { method: 'GET', path: '/operations' },
  graphql: { field: 'operations' },
  role: 'viewer',
  rate: 'node',
  input: z.strictObject({
    ...pageInput,
    group: groupName.optional(),
    kind: z.array(operationKind).optional().meta({ description: 'Only these kinds' }),
    state: z.array(operationState).optional().meta({ description: 'Only these states' }),
  }),
  output: partialPageOf(operation),
  errors: ['INVALID_INPUT', 'UNAVAILABLE'],
  example: {},
  handler({ input, context }) {
    const filter = { ...input, kinds: input.kind, states: input.state };
    return pageOfOperations(context, 'operations.list', filter, presentOperation);
  },
});
