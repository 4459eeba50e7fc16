/** Replication status: the worst of all groups, and each of them. */
import { z } from 'zod';
import { query } from '../definition';
import { groupName } from '../shared/primitives';
import { presentReplicationStatus } from './present';
import { replicationStatus } from './wire';

export const getStatus = query({
  name: 'replication.getStatus',
  summary: 'Replication status: mode, state, lag, bytes behind',
  rest: { method: 'GET', path: '/replication/status' },
  graphql: { field: 'replicationStatus' },
  role: 'viewer',
  rate: 'read',
  hot: true,
  input: z.strictObject({ group: groupName.optional().meta({ description: 'Default: the first group' }) }),
  output: replicationStatus,
  errors: ['NOT_FOUND', 'UNAVAILABLE'],
  example: {},
  handler: ({ input, context }) => presentReplicationStatus(context.engine.current(), input.group),
});
