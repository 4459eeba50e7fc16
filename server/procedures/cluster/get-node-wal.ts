/** WAL, slots and archiver of a node. */
import { z } from 'zod';
import { query } from '../definition';
import { findNode } from '../shared/find';
import { nodeIdArgument } from '../shared/primitives';
import { presentWal } from './present-node-details';
import { nodeWal } from './wire-node-details';

export const getNodeWal = query({
  name: 'cluster.getNodeWal',
  summary: 'WAL of a node: position, segments, slots, archiver',
  rest: { method: 'GET', path: '/cluster/nodes/{id}/wal' },
  graphql: { field: 'nodeWal' },
  role: 'viewer',
  rate: 'node',
  input: z.strictObject({ id: nodeIdArgument }),
  output: nodeWal,
  errors: ['NOT_FOUND', 'TIMEOUT', 'UNAVAILABLE'],
  example: { id: 'node-1' },
  async handler({ input, context }) {
    findNode(context.engine.current().view, input.id);
    return presentWal(await context.engine.node(input.id, 'node.wal', {}));
  },
});
