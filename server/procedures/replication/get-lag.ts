/** Lag per replica. */
import { z } from 'zod';
import { query } from '../definition';
import { groupName } from '../shared/primitives';
import { presentLag } from './present';
import { replicationLag } from './wire';

export const getLag = query({
  name: 'replication.getLag',
  summary: 'Lag per replica',
  rest: { method: 'GET', path: '/replication/lag' },
  graphql: { field: 'replicationLag' },
  role: 'viewer',
  rate: 'read',
  hot: true,
  input: z.strictObject({ group: groupName.optional().meta({ description: 'Default: all groups' }) }),
  output: replicationLag,
  errors: ['NOT_FOUND', 'UNAVAILABLE'],
  example: {},
  handler: ({ input, context }) => presentLag(context.engine.current(), input.group),
});
