/** One operation with steps, checks and timeline. */
import { z } from 'zod';
import { query } from '../definition';
import { getOperation } from '../shared/operation-history';
import { presentOperation } from '../shared/present-operation';
import { operationId } from '../shared/primitives';
import { operation } from '../shared/wire-operation';

export const get = query({
  name: 'operations.get',
  summary: 'One operation with steps, checks and timeline',
  rest: { method: 'GET', path: '/operations/{id}' },
  graphql: { field: 'operation', nullable: true },
  role: 'viewer',
  rate: 'node',
  input: z.strictObject({ id: operationId }),
  output: operation,
  errors: ['NOT_FOUND', 'UNAVAILABLE'],
  example: { id: '01900000-0000-7000-8000-000000000000' },
  handler: async ({ input, context }) => presentOperation(await getOperation(context, input.id)),
});
