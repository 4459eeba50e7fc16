/** How one can sign in here; asked by the sign-in page before anybody is known. */
import { z } from 'zod';
import { query } from '../definition';
import { signInMethods as methods } from './wire';

export const signInMethods = query({
  name: 'auth.methods',
  summary: 'How one can sign in here',
  rest: { method: 'GET', path: '/auth/methods' },
  graphql: { field: 'signInMethods' },
  role: 'anonymous',
  rate: 'read',
  input: z.strictObject({}),
  output: methods,
  errors: [],
  example: {},
  handler({ context }) {
    const label = context.facts.singleSignOn ?? null;
    return { password: true, single_sign_on: label === null ? null : { label, path: '/api/v1/auth/oidc/start' } };
  },
});
