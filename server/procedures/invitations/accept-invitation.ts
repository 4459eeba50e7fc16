/** The invited person chooses a password, and so has an account. */
import { z } from 'zod';
import { mutation } from '../definition';
import { presentUser } from '../shared/present-account';
import { password, user } from '../shared/wire-account';

export const acceptInvitation = mutation({
  name: 'invitations.accept',
  summary: 'Accept an invitation: choose a password',
  rest: { method: 'POST', path: '/invitations/accept', status: 201 },
  graphql: { field: 'acceptInvitation', style: 'input' },
  role: 'anonymous',
  rate: 'login',
  secretKeys: ['token', 'password'],
  input: z
    .strictObject({ token: z.string().min(1).max(200).meta({ description: 'From the link' }), password })
    .meta({ id: 'AcceptInvitationInput', description: 'The link’s token and the chosen password' }),
  output: user,
  errors: ['INVALID_INPUT', 'NOT_FOUND', 'CONFLICT', 'RATE_LIMITED', 'UNAVAILABLE'],
  example: { token: 'token-of-the-link', password: 'correct horse battery' },
  handler: async ({ input, context }) => presentUser(await context.invitations.accept(input.token, input.password)),
});
