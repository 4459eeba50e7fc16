/** Rejects a call with force that waits. */
import { z } from 'zod';
import { ClusterError } from '@/engine/kernel/errors';
import { mutation } from '../definition';
import { presentApproval } from '../present/access';
import { approval } from '../schemas/access';

export const rejectRequest = mutation({
  name: 'approvals.reject',
  summary: 'Reject a call with force, or withdraw one’s own',
  rest: { method: 'POST', path: '/approvals/{id}/reject' },
  graphql: { field: 'rejectRequest' },
  role: 'admin',
  rate: 'write',
  input: z.strictObject({
    id: z.string().min(1).max(64).meta({ description: 'Request id', scalar: 'ID' }),
    comment: z.string().max(500).optional().meta({ description: 'Why; kept with the request' }),
  }),
  output: approval,
  errors: ['FORBIDDEN', 'NOT_FOUND', 'CONFLICT', 'UNAVAILABLE'],
  example: { id: '00000000-0000-4000-8000-000000000000' },
  async handler({ input, context }) {
    if (context.identity.kind === 'anonymous') throw new ClusterError('UNAUTHORIZED', 'Sign in first');
    return presentApproval(await context.approvals.reject(input.id, context.identity, input.comment ?? null));
  },
});
