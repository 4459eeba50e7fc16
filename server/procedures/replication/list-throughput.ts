/** WAL to every standby, now and over a window. */
import { z } from 'zod';
import { query } from '../definition';
import { pageOverNodes } from '../shared/ask-nodes';
import { selectGroups } from '../shared/find';
import type { SortOrder } from '../shared/page';
import { groupName, pageInput, partialPageOf } from '../shared/primitives';
import { presentThroughput, standbysOf } from './present-monitoring';
import { throughputMetrics, windowMinutes } from './wire-monitoring';

const order: SortOrder<z.input<typeof throughputMetrics>> = {
  list: 'replication.listThroughput',
  key: (row) => [row.node_id],
  direction: 1,
};

export const listThroughput = query({
  name: order.list,
  summary: 'Throughput metrics: WAL to every standby, now and over a window',
  rest: { method: 'GET', path: '/replication/monitoring/throughput' },
  graphql: { field: 'replicationMonitoringThroughput' },
  role: 'viewer',
  rate: 'node',
  input: z.strictObject({
    ...pageInput,
    group: groupName.optional().meta({ description: 'Only this group; default: all' }),
    minutes: windowMinutes,
  }),
  output: partialPageOf(throughputMetrics),
  errors: ['INVALID_INPUT', 'NOT_FOUND', 'UNAVAILABLE'],
  example: {},
  handler({ input, context }) {
    const { view } = context.engine.current();
    return pageOverNodes(context, standbysOf(view, selectGroups(view, input.group)), {
      question: { method: 'node.resources', params: { minutes: input.minutes } },
      rowsOf: (node, samples) => [presentThroughput(view, node, samples)],
      input,
      order,
      missing: (nodes) => `${nodes} did not tell what it measured: not in this list`,
    });
  },
});
