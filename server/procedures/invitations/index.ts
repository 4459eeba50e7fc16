/** The procedures of `invitations`: links by which new people set their password. */
import { acceptInvitation } from './accept-invitation';
import { createInvitation } from './create-invitation';
import { listInvitations } from './list-invitations';
import { withdrawInvitation } from './withdraw-invitation';

export const invitations = {
  accept: acceptInvitation,
  create: createInvitation,
  list: listInvitations,
  withdraw: withdrawInvitation,
} as const;
