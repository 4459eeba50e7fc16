/** Strategy, pools and who is connected. */
import { z } from 'zod';
import { query } from '../definition';
import { askForRouter } from '../shared/router';
import { presentLoadBalancer } from './present-load-balancer';
import { loadBalancer } from './wire-load-balancer';

export const getLoadBalancer = query({
  name: 'cluster.getLoadBalancer',
  summary: 'Load-balancer strategy, pools, connections per node',
  rest: { method: 'GET', path: '/cluster/load-balancer' },
  graphql: { field: 'loadBalancer' },
  role: 'viewer',
  rate: 'node',
  input: z.strictObject({}),
  output: loadBalancer,
  errors: ['UNAVAILABLE'],
  example: {},
  async handler({ context }) {
    return presentLoadBalancer(context.engine.current().view.config, await askForRouter(context.engine));
  },
});
