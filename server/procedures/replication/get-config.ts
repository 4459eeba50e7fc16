/** How a group replicates. */
import { z } from 'zod';
import { query } from '../definition';
import { groupName } from '../shared/primitives';
import { askForReplicationConfig } from './present-config';
import { replicationConfig } from './wire';

export const getConfig = query({
  name: 'replication.getConfig',
  summary: 'Current replication configuration',
  rest: { method: 'GET', path: '/replication/config' },
  graphql: { field: 'replicationConfig', nullable: true },
  role: 'viewer',
  rate: 'node',
  input: z.strictObject({
    group: groupName
      .optional()
      .meta({ description: 'Only this group; default: the first one in front, and all in groups' }),
  }),
  output: replicationConfig,
  errors: ['NOT_FOUND', 'UNAVAILABLE'],
  example: {},
  handler: ({ input, context }) => askForReplicationConfig(context, input.group),
});
