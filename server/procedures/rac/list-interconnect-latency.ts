/** The latency matrix: each link's round trips, measured at both of its ends. */
import { z } from 'zod';
import { type Answers, askNodes } from '../ask-nodes';
import { query } from '../definition';
import { findNode } from '../find';
import { cursorKey, paginate } from '../page';
import { presentLinkStatus } from '../present/node-details';
import { linkLatency } from '../schemas/interconnect';
import { nodeId, pageInput, partialPageOf } from '../schemas/primitives';

type Row = z.input<typeof linkLatency>;
type Links = Parameters<typeof presentLinkStatus>[0];

export const listInterconnectLatency = query({
  name: 'rac.listInterconnectLatency',
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
  async handler({ input, context }) {
    const { view } = context.engine.current();
    const [from = ''] = input.cursor === undefined ? [] : cursorKey(input.cursor);
    const wanted = input.node === undefined ? view.nodes : [findNode(view, input.node)];
    const asked = wanted
      .filter((node) => node.record.id >= String(from))
      .sort((a, b) => (a.record.id < b.record.id ? -1 : 1));
    const pageOf = (answers: Answers<readonly Links[]>['answers']) =>
      paginate(answers.flatMap(rowsOf), input, { key: (row: Row) => [row.from, row.to], direction: 1 });
    const question = { method: 'node.links', params: {} } as const;
    const { answers, missing, whole } = await askNodes(
      context,
      asked,
      question,
      (so) => pageOf(so).next_cursor !== null,
    );
    const page = pageOf(answers);
    return {
      ...page,
      total_count: whole && asked.length === wanted.length ? page.total_count : null,
      missing_nodes: missing,
      notice: missing.length > 0 ? `What ${missing.join(', ')} measured is missing: no answer` : null,
    };
  },
});

function rowsOf({ node, answer }: Answers<readonly Links[]>['answers'][number]): Row[] {
  return answer.map((link) => {
    const { peer, connected, rtt_us, last_heard_ms, phi } = presentLinkStatus(link);
    return { from: node.record.id, to: peer, connected, rtt_us, last_heard_ms, phi };
  });
}
