/** How a group replicates. */
import { z } from 'zod';
import { query } from '../definition';
import { findGroup } from '../find';
import { askForReplicationConfig } from '../present/replication-config';
import { groupName } from '../schemas/primitives';
import { replicationConfig } from '../schemas/replication';

export const getConfig = query({
  name: 'replication.getConfig',
  summary: 'Current replication configuration',
  rest: { method: 'GET', path: '/replication/config' },
  graphql: { field: 'replicationConfig', nullable: true },
  role: 'viewer',
  rate: 'node',
  input: z.strictObject({ group: groupName.optional().meta({ description: 'Default: the first group' }) }),
  output: replicationConfig,
  errors: ['NOT_FOUND', 'UNAVAILABLE'],
  example: {},
  handler({ input, context }) {
    return askForReplicationConfig(context, findGroup(context.engine.current().view, input.group).record.name);
  },
});
