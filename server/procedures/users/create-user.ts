/** Creates a console user. */
import { z } from 'zod';
import { mutation } from '../definition';
import { actorOf } from '../shared/identity';
import { presentUser } from '../shared/present-account';
import { password, role, user, userName } from '../shared/wire-account';

export const createUser = mutation({
  name: 'users.create',
  summary: 'Create a user',
  rest: { method: 'POST', path: '/users', status: 201 },
  graphql: { field: 'createUser', style: 'input' },
  role: 'admin',
  rate: 'write',
  needsProof: true,
  secretKeys: ['password'],
  input: z
    .strictObject({ username: userName, password, role })
    .meta({ id: 'CreateUserInput', description: 'A new user' }),
  output: user,
  errors: ['INVALID_INPUT', 'FORBIDDEN', 'CONFLICT', 'UNAVAILABLE'],
  example: { username: 'maria', password: 'correct horse battery', role: 'operator' },
  async handler({ input, context }) {
    return presentUser(await context.accounts.createUser({ ...input, by: actorOf(context.identity) }));
  },
});
