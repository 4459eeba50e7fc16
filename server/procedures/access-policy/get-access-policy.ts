/** What the cluster asks of those who use force. */
import { z } from 'zod';
import { query } from '../definition';
import { presentPolicy } from './present';
import { accessPolicy } from './wire';

export const getAccessPolicy = query({
  name: 'accessPolicy.get',
  summary: 'What is asked of those who use force',
  rest: { method: 'GET', path: '/access-policy' },
  graphql: { field: 'accessPolicy' },
  role: 'viewer',
  rate: 'node',
  input: z.strictObject({}),
  output: accessPolicy,
  errors: ['UNAVAILABLE'],
  example: {},
  handler: async ({ context }) => presentPolicy(await context.policy.get()),
});
