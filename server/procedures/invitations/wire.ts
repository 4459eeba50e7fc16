/** Invitations on the wire. The token appears only in the answer that creates one. */
import { z } from 'zod';
import { isoTime } from '../shared/primitives';
import { role } from '../shared/wire-account';

export const invitation = z
  .object({
    id: z.string(),
    username: z.string(),
    role,
    created_by: z.string(),
    created_at: isoTime,
    expires_at: isoTime,
    state: z.enum(['open', 'accepted', 'expired', 'withdrawn']),
  })
  .meta({ id: 'Invitation', description: 'An account that its owner completes by choosing a password' });

export const createdInvitation = invitation
  .extend({
    token: z.string().meta({ description: 'Shown once' }),
    path: z.string().meta({ description: 'Where the invited person opens it on this console' }),
  })
  .meta({ id: 'CreatedInvitation', description: 'A new invitation with its link' });
