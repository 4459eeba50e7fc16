/** Faults that are injected now. */
import { z } from 'zod';
import { query } from '../definition';
import { pageOverNodes } from '../shared/ask-nodes';
import { findNode } from '../shared/find';
import type { SortOrder } from '../shared/page';
import { nodeId, pageInput, partialPageOf } from '../shared/primitives';
import { presentFault } from './present-node-details';
import { fault } from './wire-node-details';

type Row = z.infer<typeof fault>;

/** A fault has no name: it is all that it says. */
const order: SortOrder<Row> = {
  list: 'cluster.listFaults',
  key: ({ node, peer, until, kind, direction, channel, probability, delay_ms, jitter_ms }) => {
    const words = [node, peer ?? '', until ?? '', kind, direction, channel];
    return [...words, probability ?? -1, delay_ms ?? -1, jitter_ms ?? -1];
  },
  direction: 1,
};

export const listFaults = query({
  name: order.list,
  summary: 'Faults that are injected now, on every node that answers',
  rest: { method: 'GET', path: '/cluster/faults' },
  graphql: { field: 'injectedFaults' },
  role: 'admin',
  rate: 'node',
  input: z.strictObject({ ...pageInput, node: nodeId.optional().meta({ description: 'Only of this node' }) }),
  output: partialPageOf(fault),
  errors: ['INVALID_INPUT', 'NOT_FOUND', 'UNAVAILABLE'],
  example: {},
  handler({ input, context }) {
    const { view } = context.engine.current();
    return pageOverNodes(context, input.node === undefined ? view.nodes : [findNode(view, input.node)], {
      question: { method: 'node.faults', params: {} },
      rowsOf: (node, faults) => faults.map((one) => presentFault(node, one)),
      input,
      order,
      missing: (nodes) => `Faults of ${nodes} are missing: no answer`,
    });
  },
});
