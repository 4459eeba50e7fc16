/** Withdraws an invitation that was not accepted yet. */
import { z } from 'zod';
import { mutation } from '../definition';
import { presentInvitation } from './present';
import { invitation } from './wire';

export const withdrawInvitation = mutation({
  name: 'invitations.withdraw',
  summary: 'Withdraw an invitation',
  rest: { method: 'DELETE', path: '/invitations/{id}' },
  graphql: { field: 'withdrawInvitation' },
  role: 'admin',
  rate: 'write',
  input: z.strictObject({ id: z.string().min(1).max(64).meta({ description: 'Invitation id', scalar: 'ID' }) }),
  output: invitation,
  errors: ['FORBIDDEN', 'NOT_FOUND', 'CONFLICT', 'UNAVAILABLE'],
  example: { id: '3f1c2a9be01d' },
  handler: async ({ input, context }) => presentInvitation(await context.invitations.withdraw(input.id)),
});
