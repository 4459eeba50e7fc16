/** Consensus as the leader sees it, or, without one, as the node that answers does. */
import { z } from 'zod';
import { query } from '../definition';
import { nodeId } from '../shared/primitives';
import { askForRaftStatus } from './present-raft';
import { raftStatus } from './wire-raft';

export const getRaftStatus = query({
  name: 'cluster.getRaftStatus',
  summary: 'Consensus: term, leader, commit and applied index, per-peer match index and lag',
  rest: { method: 'GET', path: '/cluster/raft/status' },
  graphql: { field: 'raftStatus' },
  role: 'viewer',
  rate: 'node',
  input: z.strictObject({ node: nodeId.optional().meta({ description: 'As this node sees it; default: the leader' }) }),
  output: raftStatus,
  errors: ['NOT_FOUND', 'UNAVAILABLE'],
  example: {},
  handler: ({ input, context }) => askForRaftStatus(context, input.node),
});
