/** The PostgreSQL log, from its end backwards. Operators only: statements and data appear in it. */
import { z } from 'zod';
import { query } from '../definition';
import { findNode } from '../shared/find';
import { readCursor, writeCursor } from '../shared/page';
import { nodeIdArgument, pageInput, pageOf } from '../shared/primitives';
import { presentLogLine } from './present-node-details';
import { logLine } from './wire-node-details';

export const getNodeLogs = query({
  name: 'cluster.getNodeLogs',
  summary: 'Tail of the PostgreSQL log, filtered',
  description: 'A page has its newest line last; the next page has the lines before it.',
  pagesBackwards: true,
  rest: { method: 'GET', path: '/cluster/nodes/{id}/logs' },
  graphql: { field: 'nodeLogs' },
  role: 'operator',
  rate: 'node',
  input: z.strictObject({
    ...pageInput,
    id: nodeIdArgument,
    level: z
      .enum(['debug', 'info', 'notice', 'warning', 'error', 'log', 'fatal', 'panic'])
      .optional()
      .meta({ description: 'Only this level' }),
    contains: z.string().max(200).optional().meta({ description: 'Only lines with this text' }),
  }),
  output: pageOf(logLine),
  errors: ['INVALID_INPUT', 'NOT_FOUND', 'TIMEOUT', 'UNAVAILABLE'],
  example: { id: 'node-1', limit: 20 },
  async handler({ input, context }) {
    findNode(context.engine.current().view, input.id);
    const list = `cluster.getNodeLogs ${input.id}`;
    const { lines, next } = await context.engine.node(input.id, 'node.logs', {
      limit: input.limit,
      level: input.level?.toUpperCase() ?? null,
      contains: input.contains ?? null,
      from: input.cursor === undefined ? null : String(readCursor(list, input.cursor, ['string'])[0]),
    });
    return {
      items: lines.map(presentLogLine),
      next_cursor: next === null ? null : writeCursor(list, [next]),
      total_count: null,
    };
  },
});
