/** What all agents counted on their links since they started. */
import { z } from 'zod';
import { query } from '../definition';
import { askNodes } from '../shared/ask-nodes';
import { findNode } from '../shared/find';
import { nodeId } from '../shared/primitives';
import { presentInterconnectStats } from './present';
import { interconnectStats } from './wire';

export const getInterconnectStats = query({
  name: 'rac.getInterconnectStats',
  summary: 'Message statistics of the interconnect: messages, bytes, losses and reconnects, in all and per node',
  rest: { method: 'GET', path: '/rac/interconnect/stats' },
  graphql: { field: 'racInterconnectStats' },
  role: 'viewer',
  rate: 'node',
  input: z.strictObject({ node: nodeId.optional().meta({ description: 'Only what this node counted; default: all' }) }),
  output: interconnectStats,
  errors: ['NOT_FOUND', 'UNAVAILABLE'],
  example: {},
  async handler({ input, context }) {
    const { view } = context.engine.current();
    const nodes = input.node === undefined ? view.nodes : [findNode(view, input.node)];
    const { answers, missing } = await askNodes(context, nodes, { method: 'node.links', params: {} });
    return presentInterconnectStats(answers, missing, Date.parse(view.at));
  },
});
