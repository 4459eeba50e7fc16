/** Invites somebody: the account is made when they choose a password. The token is in this answer and nowhere else. */
import { z } from 'zod';
import { ClusterError } from '@/engine/kernel/errors';
import { mutation } from '../definition';
import { actorOf } from '../shared/identity';
import { role, userName } from '../shared/wire-account';
import { presentInvitation } from './present';
import { createdInvitation } from './wire';

export const createInvitation = mutation({
  name: 'invitations.create',
  summary: 'Invite a user; the link is shown once',
  rest: { method: 'POST', path: '/invitations', status: 201 },
  graphql: { field: 'createInvitation', style: 'input' },
  role: 'admin',
  rate: 'write',
  needsProof: true,
  input: z
    .strictObject({
      username: userName,
      role,
      hours: z.int().min(1).max(720).default(72).meta({ description: 'How long the link works' }),
    })
    .meta({ id: 'CreateInvitationInput', description: 'Whom to invite' }),
  output: createdInvitation,
  errors: ['INVALID_INPUT', 'FORBIDDEN', 'CONFLICT', 'UNAVAILABLE'],
  example: { username: 'maria', role: 'operator' },
  async handler({ input, context }) {
    const { accounts, identity, invitations } = context;
    if (identity.kind === 'anonymous') throw new ClusterError('UNAUTHORIZED', 'Sign in first');
    const person = await accounts.personBehind(identity);
    const { record, token } = await invitations.create({ ...input, by: actorOf(identity), person });
    // Behind the # it reaches no server log.
    return { ...presentInvitation(record), token, path: `/invitation#${token}` };
  },
});
