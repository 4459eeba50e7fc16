/** Resources of a node over the last hour. */
import { z } from 'zod';
import { query } from '../definition';
import { findNode } from '../shared/find';
import { paginate } from '../shared/page';
import { nodeIdArgument, pageInput, pageOf } from '../shared/primitives';
import { presentSample } from './present-node-details';
import { resourceSample } from './wire-node-details';

export const getNodeResources = query({
  name: 'cluster.getNodeResources',
  summary: 'Resources of a node over time, oldest first',
  rest: { method: 'GET', path: '/cluster/nodes/{id}/resources' },
  graphql: { field: 'nodeResources' },
  role: 'viewer',
  rate: 'node',
  input: z.strictObject({
    ...pageInput,
    id: nodeIdArgument,
    minutes: z.int().min(1).max(60).default(15).meta({ description: 'How far back' }),
  }),
  output: pageOf(resourceSample),
  errors: ['INVALID_INPUT', 'NOT_FOUND', 'TIMEOUT', 'UNAVAILABLE'],
  example: { id: 'node-1' },
  async handler({ input, context }) {
    findNode(context.engine.current().view, input.id);
    const samples = await context.engine.node(input.id, 'node.resources', { minutes: input.minutes });
    const list = `cluster.getNodeResources ${input.id}`;
    return paginate(samples.map(presentSample), input, { list, key: (sample) => [sample.at], direction: 1 });
  },
});
