/** The WAL archiver of every server, as PostgreSQL tells it. */
import { z } from 'zod';
import { pageOverNodes } from '../ask-nodes';
import { query } from '../definition';
import { findNode, selectGroups } from '../find';
import type { SortOrder } from '../page';
import { presentArchiver } from '../present/monitoring';
import { membersOf } from '../present/topology';
import { archiverStatus } from '../schemas/monitoring';
import { groupName, pageInput, partialPageOf } from '../schemas/primitives';

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
