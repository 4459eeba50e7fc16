/** Where the router would send the next session of a service, and why. */
import { z } from 'zod';
import { query } from '../definition';
import { name } from '../shared/primitives';
import { askForRouting } from './present';
import { routingDecision } from './wire';

export const getRouting = query({
  name: 'gds.getRouting',
  summary: 'Get routing decision: where the next session of a service would go, and why',
  description:
    'As the router itself told it last, at most a few seconds ago. It decides anew for each session: this asks for none and changes no turn.',
  rest: { method: 'GET', path: '/gds/routing' },
  graphql: { field: 'gdsRouting' },
  role: 'viewer',
  rate: 'node',
  input: z.strictObject({ service: name.meta({ description: 'Service name, e.g. alpha-ro' }) }),
  output: routingDecision,
  errors: ['INVALID_INPUT', 'NOT_FOUND', 'UNAVAILABLE'],
  example: { service: 'alpha-ro' },
  handler: ({ input, context }) => askForRouting(context, input.service),
});
