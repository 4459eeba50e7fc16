/** The latency matrix: each link's round trips, measured at both of its ends. */
import { z } from 'zod';
import { query } from '../definition';
import { pageOverNodes } from '../shared/ask-nodes';
import { findNode } from '../shared/find';
import type { SortOrder } from '../shared/page';
import { presentLinkStatus } from '../shared/present-link';
import { nodeId, pageInput, partialPageOf } from '../shared/primitives';
import { linkLatency } from './wire';

type Row = z.input<typeof linkLatency>;

const order: SortOrder<Row> = {
  list: 'rac.listInterconnectLatency',
  key: (row) => [row.from, row.to],
  direction: 1,
};

export const listInterconnectLatency = query({
  name: order.list,
  summary: 'Node-to-node latency: round trips of every link over its last 128 pings',
  rest: { method: 'GET', path: '/rac/interconnect/latency' },
  graphql: { field: 'racInterconnectLatency' },
  role: 'viewer',
  rate: 'node',
  input: z.strictObject({
    ...pageInput,
    node: nodeId.optional().meta({ description: 'Only what this node measured; default: all' }),
  }),
  output: partialPageOf(linkLatency),
  errors: ['INVALID_INPUT', 'NOT_FOUND', 'UNAVAILABLE'],
  example: {},
  handler({ input, context }) {
    const { view } = context.engine.current();
    return pageOverNodes(context, input.node === undefined ? view.nodes : [findNode(view, input.node)], {
      question: { method: 'node.links', params: {} },
      rowsOf: (node, links) => links.map((link) => rowOf(node, link)),
      input,
      order,
      missing: (nodes) => `What ${nodes} measured is missing: no answer`,
    });
  },
});

function rowOf(from: string, link: Parameters<typeof presentLinkStatus>[0]): Row {
  const { peer, connected, rtt_us, last_heard_ms, phi } = presentLinkStatus(link);
  return { from, to: peer, connected, rtt_us, last_heard_ms, phi };
}
