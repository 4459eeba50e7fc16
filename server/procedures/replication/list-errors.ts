/** Errors of replication that servers count. Broken streams are events, not counters: nobody counts them, so they are not here. */
import { z } from 'zod';
import { query } from '../definition';
import { pageOverNodes } from '../shared/ask-nodes';
import { findNode, selectGroups } from '../shared/find';
import type { SortOrder } from '../shared/page';
import { membersOf } from '../shared/present-topology';
import { groupName, pageInput, partialPageOf } from '../shared/primitives';
import { presentErrors } from './present-monitoring';
import { replicationErrors } from './wire-monitoring';

const order: SortOrder<z.input<typeof replicationErrors>> = {
  list: 'replication.listErrors',
  key: (row) => [row.node_id],
  direction: 1,
};

export const listErrors = query({
  name: order.list,
  summary: 'Error rates: queries that replay cancelled, lost slots and failed archiving, of every server',
  rest: { method: 'GET', path: '/replication/monitoring/errors' },
  graphql: { field: 'replicationMonitoringErrors' },
  role: 'viewer',
  rate: 'node',
  input: z.strictObject({
    ...pageInput,
    group: groupName.optional().meta({ description: 'Only this group; default: all' }),
  }),
  output: partialPageOf(replicationErrors),
  errors: ['INVALID_INPUT', 'NOT_FOUND', 'UNAVAILABLE'],
  example: {},
  handler({ input, context }) {
    const { view } = context.engine.current();
    const nodes = selectGroups(view, input.group).flatMap((group) => membersOf(view, group.record.name));
    return pageOverNodes(context, nodes, {
      question: { method: 'node.wal', params: {} },
      rowsOf: (node, wal) => [presentErrors(findNode(view, node), wal, Date.parse(view.at))],
      input,
      order,
      missing: (silent) => `What ${silent} counted is missing: no answer`,
    });
  },
});
