/** The interconnect as one node sees it: the control store's leader unless another is named. */
import { z } from 'zod';
import { query } from '../definition';
import { findNode } from '../shared/find';
import { nodeId } from '../shared/primitives';
import { presentInterconnect } from './present';
import { interconnectStatus } from './wire';

export const getInterconnectStatus = query({
  name: 'rac.getInterconnectStatus',
  summary: 'Interconnect health: which peers a node is connected to, and how they are heard',
  rest: { method: 'GET', path: '/rac/interconnect/status' },
  graphql: { field: 'racInterconnectStatus' },
  role: 'viewer',
  rate: 'node',
  input: z.strictObject({ node: nodeId.optional().meta({ description: 'Asks this node; default: the leader' }) }),
  output: interconnectStatus,
  errors: ['NOT_FOUND', 'TIMEOUT', 'UNAVAILABLE'],
  example: { node: 'node-1' },
  async handler({ input, context }) {
    const { view, live } = context.engine.current();
    const leader = live ? view.raft.leader : null;
    const chosen = input.node ?? leader ?? context.engine.connectedNodes()[0] ?? view.nodes[0]?.record.id ?? '';
    const node = findNode(view, chosen);
    return presentInterconnect(node, await context.engine.node(chosen, 'node.links', {}));
  },
});
