/** Tail of the PostgreSQL log. Operators only: statements and data appear in it. */
import { z } from 'zod';
import { query } from '../definition';
import { findNode } from '../find';
import { presentLogLine } from '../present/node-details';
import { logLine } from '../schemas/node';
import { nodeIdArgument } from '../schemas/primitives';

export const getNodeLogs = query({
  name: 'cluster.getNodeLogs',
  summary: 'Tail of the PostgreSQL log, filtered',
  rest: { method: 'GET', path: '/cluster/nodes/{id}/logs' },
  graphql: { field: 'nodeLogs' },
  role: 'operator',
  rate: 'node',
  input: z.strictObject({
    id: nodeIdArgument,
    limit: z.int().min(1).max(1000).default(200).meta({ description: 'At most this many lines' }),
    level: z
      .enum(['debug', 'info', 'notice', 'warning', 'error', 'log', 'fatal', 'panic'])
      .optional()
      .meta({ description: 'Only this level' }),
    contains: z.string().max(200).optional().meta({ description: 'Only lines with this text' }),
  }),
  output: z.array(logLine),
  errors: ['NOT_FOUND', 'TIMEOUT', 'UNAVAILABLE'],
  example: { id: 'node-1', limit: 20 },
  async handler({ input, context }) {
    findNode(context.engine.current().view, input.id);
    const { lines } = await context.engine.node(input.id, 'node.logs', {
      limit: input.limit,
      level: input.level?.toUpperCase() ?? null,
      contains: input.contains ?? null,
    });
    return lines.map(presentLogLine);
  },
});
