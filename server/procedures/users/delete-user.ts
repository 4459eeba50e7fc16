/** Deletes a user; its sessions and the keys it made end. */
import { z } from 'zod';
import { mutation } from '../definition';
import { done } from '../shared/primitives';

export const deleteUser = mutation({
  name: 'users.delete',
  summary: 'Delete a user; its sessions end, and the API keys it made',
  rest: { method: 'DELETE', path: '/users/{id}' },
  graphql: { field: 'deleteUser' },
  role: 'admin',
  rate: 'write',
  input: z.strictObject({ id: z.string().min(1).max(64).meta({ description: 'User id', scalar: 'ID' }) }),
  output: done,
  errors: ['FORBIDDEN', 'NOT_FOUND', 'CONFLICT', 'UNAVAILABLE'],
  example: { id: 'maria' },
  async handler({ input, context }) {
    await context.accounts.deleteUser(input.id);
    return { success: true, message: `User ${input.id} is gone` };
  },
});
