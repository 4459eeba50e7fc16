/** Recent consensus log entries, decoded, newest first. */
import { z } from 'zod';
import { query } from '../definition';
import { leaderOrAny } from '../find';
import { nodeId } from '../schemas/primitives';
import { raftEntry } from '../schemas/raft';

export const getRaftLog = query({
  name: 'cluster.getRaftLog',
  summary: 'Recent consensus log entries, decoded',
  rest: { method: 'GET', path: '/cluster/raft/log' },
  graphql: { field: 'raftLog' },
  role: 'viewer',
  rate: 'node',
  input: z.strictObject({
    limit: z.int().min(1).max(500).default(50).meta({ description: 'At most this many entries' }),
    node: nodeId.optional().meta({ description: 'From this node; default: the leader' }),
  }),
  output: z.array(raftEntry),
  errors: ['NOT_FOUND', 'UNAVAILABLE'],
  example: {},
  async handler({ input, context }) {
    const { entries } = await leaderOrAny(context.engine, input.node, async (ask) => ({
      entries: await ask('raft.log', { limit: input.limit }),
    }));
    return [...entries];
  },
});
