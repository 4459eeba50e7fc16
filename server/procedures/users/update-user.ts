/** Changes role, password or the disabled state of a user; its sessions end. */
import { z } from 'zod';
import { mutation } from '../definition';
import { presentUser } from '../shared/present-account';
import { password, role, user } from '../shared/wire-account';

export const updateUser = mutation({
  name: 'users.update',
  summary: "Change a user's role or password, disable or enable; its sessions end",
  description: 'The API keys that the user made never do more than its role, and nothing while it is disabled.',
  rest: { method: 'PUT', path: '/users/{id}' },
  graphql: { field: 'updateUser' },
  role: 'admin',
  rate: 'write',
  // Taking power away needs none: whoever sees a break-in must be quick.
  needsProof: (input) => input.role !== undefined || input.password !== undefined || input.disabled === false,
  secretKeys: ['password'],
  input: z.strictObject({
    id: z.string().min(1).max(64).meta({ description: 'User id', scalar: 'ID' }),
    role: role.optional(),
    disabled: z.boolean().optional(),
    password: password.optional(),
  }),
  output: user,
  errors: ['INVALID_INPUT', 'FORBIDDEN', 'NOT_FOUND', 'CONFLICT', 'UNAVAILABLE'],
  example: { id: 'maria', role: 'viewer' },
  async handler({ input, context }) {
    const { id, ...patch } = input;
    return presentUser(await context.accounts.updateUser(id, patch));
  },
});
