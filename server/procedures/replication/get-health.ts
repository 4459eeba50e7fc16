/** Health verdict per replication link. */
import { z } from 'zod';
import { query } from '../definition';
import { groupName } from '../shared/primitives';
import { presentReplicationHealth } from './present';
import { replicationHealth } from './wire';

export const getHealth = query({
  name: 'replication.getHealth',
  summary: 'Health verdict per link with reasons',
  rest: { method: 'GET', path: '/replication/health' },
  graphql: { field: 'replicationHealth' },
  role: 'viewer',
  rate: 'read',
  input: z.strictObject({ group: groupName.optional().meta({ description: 'Default: all groups' }) }),
  output: replicationHealth,
  errors: ['NOT_FOUND', 'UNAVAILABLE'],
  example: {},
  handler: ({ input, context }) => presentReplicationHealth(context.engine.current(), input.group),
});
