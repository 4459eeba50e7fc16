/** Resumes WAL replay on a standby, by the name of its stream. */
import { z } from 'zod';
import { mutation } from '../definition';
import { nodeIdArgument } from '../shared/primitives';
import { setReplayPaused } from './replay';
import { replayState } from './wire';

export const resumeWalStream = mutation({
  name: 'replication.resumeWalStream',
  summary: 'Resume WAL replay on a standby',
  rest: { method: 'POST', path: '/replication/wal/streams/{node}/resume' },
  graphql: { field: 'resumeWalStream' },
  role: 'operator',
  rate: 'write',
  local: true,
  input: z.strictObject({
    node: nodeIdArgument,
    reason: z.string().max(500).optional().meta({ description: 'Why; kept in the audit log' }),
  }),
  output: replayState,
  errors: ['FORBIDDEN', 'NOT_FOUND', 'CONFLICT', 'TIMEOUT', 'UNAVAILABLE'],
  example: { node: 'node-2' },
  handler: ({ input, context }) => setReplayPaused(context, input.node, false),
});
