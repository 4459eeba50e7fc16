/** Health checks of one node, each with its measured value and limit. */
import { z } from 'zod';
import { query } from '../definition';
import { findNode } from '../shared/find';
import { nodeIdArgument } from '../shared/primitives';
import { presentNodeHealth } from './present-health';
import { nodeHealth } from './wire-health';

export const getNodeHealth = query({
  name: 'cluster.getNodeHealth',
  summary: 'Health checks of one node',
  rest: { method: 'GET', path: '/cluster/nodes/{id}/health' },
  graphql: { field: 'clusterNodeHealth', nullable: true },
  role: 'viewer',
  rate: 'read',
  input: z.strictObject({ id: nodeIdArgument }),
  output: nodeHealth,
  errors: ['NOT_FOUND', 'UNAVAILABLE'],
  example: { id: 'node-1' },
  handler({ input, context }) {
    const current = context.engine.current();
    return presentNodeHealth(current, findNode(current.view, input.id));
  },
});
