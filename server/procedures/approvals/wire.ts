/** Lockouts, the policy for force paths, approvals and invitations on the wire. */
import { z } from 'zod';
import { isoTime, jsonObject } from '../shared/primitives';
import { role } from '../shared/wire-account';

export const lockout = z
  .object({
    id: z.string().meta({ description: 'account:name or address:address' }),
    kind: z.enum(['account', 'address']),
    subject: z.string().meta({ description: 'The name that was tried, or the address it was tried from' }),
    failures: z.int().meta({ description: 'Failed sign-ins in the present quarter of an hour' }),
    first_failure_at: isoTime,
    last_failure_at: isoTime,
    locked: z.boolean().meta({ description: 'Signing in is refused now, also with the right password' }),
    locked_until: isoTime.nullable(),
    unlocks_in_seconds: z.int().nullable().meta({ description: 'Null when it is not locked' }),
  })
  .meta({ id: 'Lockout', description: 'Failed sign-ins of an account or from an address' });

export const accessPolicy = z
  .object({
    reauthenticate_minutes: z.int().meta({ description: 'A force path needs a password given not longer ago' }),
    keys_confirm_force: z.boolean().meta({ description: 'Keys must send `confirm` with a force path' }),
    force_needs_approval: z.boolean().meta({ description: 'A force path waits for the approval of another admin' }),
    approval_minutes: z.int().meta({ description: 'How long a request waits' }),
  })
  .meta({ id: 'AccessPolicy', description: 'What the cluster asks of those who use force' });

export const approval = z
  .object({
    id: z.string(),
    procedure: z.string().meta({ description: 'What was asked for' }),
    input: jsonObject.meta({ description: 'With what' }),
    state: z.enum(['pending', 'approved', 'executed', 'rejected', 'expired', 'failed']),
    requested_by: z.string(),
    requested_at: isoTime,
    expires_at: isoTime,
    plan_hash: z.string().nullable().meta({ description: 'Hash of the plan that runs when it is approved' }),
    group: z.string().nullable(),
    steps: z.array(z.string()).meta({ description: 'The plan, step by step' }),
    expected_pause_ms: z
      .number()
      .nullable()
      .meta({ description: 'Expected pause of writes; null where nothing pauses' }),
    bytes_at_risk: z.number().nullable().meta({ description: 'Bytes of WAL that could be lost', scalar: 'BigInt' }),
    decided_by: z.string().nullable().meta({ description: 'Who approved or rejected it' }),
    decided_at: isoTime.nullable(),
    comment: z.string().nullable().meta({ description: 'Why it was decided so' }),
    operation_id: z.string().nullable().meta({ description: 'The operation that it became' }),
    error: z.string().nullable().meta({ description: 'Why it failed' }),
  })
  .meta({ id: 'Approval', description: 'A call with force that waits for another admin, or waited' });

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
