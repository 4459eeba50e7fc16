/** The WAL archiver of every server, as PostgreSQL tells it. */
import { z } from 'zod';
import { query } from '../definition';
import { pageOverNodes } from '../shared/ask-nodes';
import { findNode, selectGroups } from '../shared/find';
import type { SortOrder } from '../shared/page';
import { membersOf } from '../shared/present-topology';
import { groupName, pageInput, partialPageOf } from '../shared/primitives';
import { presentArchiver } from './present-monitoring';
import { archiverStatus } from './wire-monitoring';

const order: SortOrder<z.input<typeof archiverStatus>> = {
  list: 'replication.listArchiving',
  key: (row) => [row.node_id],
  direction: 1,
};

export const listArchiving = query({
  name: order.list,
  summary: 'WAL archiver: mode, last archived, failures, backlog; of every server',
  rest: { method: 'GET', path: '/replication/archiving' },
  graphql: { field: 'replicationArchiving' },
  role: 'viewer',
  rate: 'node',
  input: z.strictObject({
    ...pageInput,
    group: groupName.optional().meta({ description: 'Only this group; default: all' }),
  }),
  output: partialPageOf(archiverStatus),
  errors: ['INVALID_INPUT', 'NOT_FOUND', 'UNAVAILABLE'],
  example: {},
  handler({ input, context }) {
    const { view } = context.engine.current();
    const nodes = selectGroups(view, input.group).flatMap((group) => membersOf(view, group.record.name));
    return pageOverNodes(context, nodes, {
      question: { method: 'node.wal', params: {} },
      rowsOf: (node, wal) => [presentArchiver(findNode(view, node), wal.archiver)],
      input,
      order,
      missing: (silent) => `What the archivers of ${silent} do is missing: no answer`,
    });
  },
});
