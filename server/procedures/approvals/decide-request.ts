/** What approving and rejecting a call with force that waits have in common: who may, what they say, and what comes back. */
import { z } from 'zod';
import { ClusterError, type ErrorCode } from '@/engine/kernel/errors';
import type { ProcedureContext } from '../context';
import { presentApproval } from './present';
import { approval } from './wire';

const input = z.strictObject({
  id: z.string().min(1).max(64).meta({ description: 'Request id', scalar: 'ID' }),
  comment: z.string().max(500).optional().meta({ description: 'Why; kept with the request' }),
});

export const decision = {
  role: 'admin',
  rate: 'write',
  input,
  output: approval,
  errors: ['FORBIDDEN', 'NOT_FOUND', 'CONFLICT', 'UNAVAILABLE'] satisfies ErrorCode[],
  example: { id: '00000000-0000-4000-8000-000000000000' },
} as const;

type DecisionCall = { readonly input: z.output<typeof input>; readonly context: ProcedureContext };

export function decide(how: 'approve' | 'reject') {
  return async ({ input: { id, comment }, context: { approvals, identity } }: DecisionCall) => {
    if (identity.kind === 'anonymous') throw new ClusterError('UNAUTHORIZED', 'Sign in first');
    return presentApproval(await approvals[how](id, identity, comment ?? null));
  };
}
