/** Pauses replay on a replica. */
import { z } from 'zod';
import { mutation } from '../definition';
import { nodeIdArgument } from '../shared/primitives';
import { setReplayPaused } from './replay';
import { replayState } from './wire';

export const pauseReplica = mutation({
  name: 'replication.pauseReplica',
  summary: 'Pause replay on a replica',
  rest: { method: 'POST', path: '/replication/replicas/{id}/pause' },
  graphql: { field: 'pauseReplica' },
  role: 'operator',
  rate: 'write',
  local: true,
  input: z.strictObject({
    id: nodeIdArgument,
    reason: z.string().max(500).optional().meta({ description: 'Why; kept in the audit log' }),
  }),
  output: replayState,
  errors: ['FORBIDDEN', 'NOT_FOUND', 'CONFLICT', 'TIMEOUT', 'UNAVAILABLE'],
  example: { id: 'node-2' },
  handler: ({ input, context }) => setReplayPaused(context, input.id, true),
});
