/** Resources of a node over the last hour. */
import { z } from 'zod';
import { query } from '../definition';
import { findNode } from '../find';
import { presentSample } from '../present/node-details';
import { resourceSample } from '../schemas/node';
import { nodeIdArgument } from '../schemas/primitives';

export const getNodeResources = query({
  name: 'cluster.getNodeResources',
  summary: 'Resources of a node over time',
  rest: { method: 'GET', path: '/cluster/nodes/{id}/resources' },
  graphql: { field: 'nodeResources' },
  role: 'viewer',
  rate: 'node',
  input: z.strictObject({
    id: nodeIdArgument,
    minutes: z.int().min(1).max(60).default(15).meta({ description: 'How far back' }),
  }),
  output: z.array(resourceSample),
  errors: ['NOT_FOUND', 'TIMEOUT', 'UNAVAILABLE'],
  example: { id: 'node-1' },
  async handler({ input, context }) {
    findNode(context.engine.current().view, input.id);
    return (await context.engine.node(input.id, 'node.resources', { minutes: input.minutes })).map(presentSample);
  },
});
