/** Interconnect links of a node. */
import { z } from 'zod';
import { query } from '../definition';
import { findNode } from '../shared/find';
import { paginate } from '../shared/page';
import { presentLinkStatus } from '../shared/present-link';
import { naturalName } from '../shared/present-node';
import { nodeIdArgument, pageInput, pageOf } from '../shared/primitives';
import { linkStatus } from '../shared/wire-link';

export const getNodeLinks = query({
  name: 'cluster.getNodeLinks',
  summary: 'Interconnect links of a node: round trips, queues, losses',
  rest: { method: 'GET', path: '/cluster/nodes/{id}/links' },
  graphql: { field: 'nodeLinks' },
  role: 'viewer',
  rate: 'node',
  input: z.strictObject({ ...pageInput, id: nodeIdArgument }),
  output: pageOf(linkStatus),
  errors: ['INVALID_INPUT', 'NOT_FOUND', 'TIMEOUT', 'UNAVAILABLE'],
  example: { id: 'node-1' },
  async handler({ input, context }) {
    findNode(context.engine.current().view, input.id);
    const links = (await context.engine.node(input.id, 'node.links', {})).map(presentLinkStatus);
    const list = `cluster.getNodeLinks ${input.id}`;
    return paginate(links, input, { list, key: (link) => naturalName(link.peer), direction: 1 });
  },
});
