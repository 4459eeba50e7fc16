/** Recent consensus log entries, decoded, newest first. */
import { z } from 'zod';
import type { RaftLogEntry } from '@/engine/control/store';
import { query } from '../definition';
import { leaderOrAny } from '../shared/find';
import { pageFrom } from '../shared/page';
import { nodeId, pageInput, pageOf } from '../shared/primitives';
import { raftEntry } from './wire-raft';

export const getRaftLog = query({
  name: 'cluster.getRaftLog',
  summary: 'Recent consensus log entries, decoded',
  rest: { method: 'GET', path: '/cluster/raft/log' },
  graphql: { field: 'raftLog' },
  role: 'viewer',
  rate: 'node',
  input: z.strictObject({
    ...pageInput,
    node: nodeId.optional().meta({ description: 'From this node; default: the leader' }),
  }),
  output: pageOf(raftEntry),
  errors: ['INVALID_INPUT', 'NOT_FOUND', 'UNAVAILABLE'],
  example: {},
  handler({ input, context }) {
    // An index is the same entry on every node, whoever answers the next page.
    return pageFrom(
      input,
      { list: 'cluster.getRaftLog', kinds: ['number'], key: (entry: RaftLogEntry) => [entry.index] },
      (after, atMost) => {
        const before = after === null ? null : Number(after[0]);
        return leaderOrAny(context.engine, input.node, (ask) => ask('raft.log', { limit: atMost, before }));
      },
    );
  },
});
