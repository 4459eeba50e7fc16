/** Changes what the cluster asks of those who use force. Asking for less is itself a force path. */
import { z } from 'zod';
import { mutation } from '../definition';
import { presentPolicy } from './present';
import { accessPolicy } from './wire';

export const updateAccessPolicy = mutation({
  name: 'accessPolicy.update',
  summary: 'Change what is asked of those who use force',
  description:
    'While force needs approval, switching that off (or making requests live longer) waits for the approval of another admin too.',
  rest: { method: 'PUT', path: '/access-policy' },
  graphql: { field: 'updateAccessPolicy', style: 'input' },
  role: 'admin',
  rate: 'write',
  needsProof: true,
  forcePath: (input) =>
    input.force_needs_approval === false ||
    input.keys_confirm_force === false ||
    input.approval_minutes !== undefined ||
    input.reauthenticate_minutes !== undefined,
  input: z
    .strictObject({
      reauthenticate_minutes: z.int().min(1).max(720).optional().meta({ description: 'Default 10' }),
      keys_confirm_force: z.boolean().optional().meta({ description: 'Default false' }),
      force_needs_approval: z.boolean().optional().meta({ description: 'Default false' }),
      approval_minutes: z.int().min(5).max(10_080).optional().meta({ description: 'Default 240' }),
    })
    .meta({ id: 'AccessPolicyInput', description: 'What to change; the rest stays' }),
  output: accessPolicy,
  errors: ['INVALID_INPUT', 'FORBIDDEN', 'CONFLICT', 'UNAVAILABLE'],
  example: { reauthenticate_minutes: 10 },
  async handler({ input, context }) {
    const patch = {
      reauthenticateMinutes: input.reauthenticate_minutes,
      keysConfirmForce: input.keys_confirm_force,
      forceNeedsApproval: input.force_needs_approval,
      approvalMinutes: input.approval_minutes,
    };
    const given = Object.fromEntries(Object.entries(patch).filter(([, value]) => value !== undefined));
    return presentPolicy(await context.policy.update(given));
  },
});
