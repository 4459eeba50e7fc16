/** Interconnect links of a node. */
import { z } from 'zod';
import { query } from '../definition';
import { findNode } from '../find';
import { presentLinkStatus } from '../present/node-details';
import { linkStatus } from '../schemas/node';
import { nodeIdArgument } from '../schemas/primitives';

export const getNodeLinks = query({
  name: 'cluster.getNodeLinks',
  summary: 'Interconnect links of a node: round trips, queues, losses',
  rest: { method: 'GET', path: '/cluster/nodes/{id}/links' },
  graphql: { field: 'nodeLinks' },
  role: 'viewer',
  rate: 'node',
  input: z.strictObject({ id: nodeIdArgument }),
  output: z.array(linkStatus),
  errors: ['NOT_FOUND', 'TIMEOUT', 'UNAVAILABLE'],
  example: { id: 'node-1' },
  async handler({ input, context }) {
    findNode(context.engine.current().view, input.id);
    return (await context.engine.node(input.id, 'node.links', {})).map(presentLinkStatus);
  },
});
