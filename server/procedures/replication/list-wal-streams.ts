/** Every WAL sender with its receiver. */
import { z } from 'zod';
import { query } from '../definition';
import { presentWalStreams } from '../present/replication';
import { groupName } from '../schemas/primitives';
import { walStream } from '../schemas/replication';

export const listWalStreams = query({
  name: 'replication.listWalStreams',
  summary: 'WAL senders and receivers: sent/write/flush/replay LSN and lag per link',
  rest: { method: 'GET', path: '/replication/wal/streams' },
  graphql: { field: 'walStreams' },
  role: 'viewer',
  rate: 'read',
  input: z.strictObject({ group: groupName.optional().meta({ description: 'Default: all groups' }) }),
  output: z.array(walStream),
  errors: ['NOT_FOUND', 'UNAVAILABLE'],
  example: {},
  handler: ({ input, context }) => presentWalStreams(context.engine.current(), input.group),
});
