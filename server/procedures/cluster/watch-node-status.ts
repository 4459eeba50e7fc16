/** A node, each time its status or role changes. */
import { z } from 'zod';
import { subscription } from '../definition';
import { isAdmin } from '../shared/identity';
import { presentNode } from '../shared/present-node';
import { viewChanges } from '../shared/view-stream';
import { clusterNode } from '../shared/wire-node';

export const watchNodeStatus = subscription({
  name: 'cluster.watchNodeStatus',
  summary: 'A node, each time its status or role changes',
  rest: { method: 'GET', path: '/cluster/nodes/changes' },
  graphql: { field: 'clusterNodeStatusChanged' },
  role: 'viewer',
  rate: 'read',
  input: z.strictObject({}),
  output: clusterNode,
  errors: ['UNAVAILABLE'],
  example: {},
  async *handler({ context }) {
    let known: Map<string, string> | null = null;
    for await (const current of viewChanges(context)) {
      const now = new Map(current.view.nodes.map((node) => [node.record.id, `${node.status}/${node.role}`]));
      for (const node of current.view.nodes) {
        if (known && known.get(node.record.id) !== now.get(node.record.id)) {
          yield presentNode(current, node, isAdmin(context.identity));
        }
      }
      known = now;
    }
  },
});
