/** Strategy and weights of the read pools. */
import { isDeepStrictEqual } from 'node:util';
import { z } from 'zod';
import { mutation } from '../definition';
import { findNode } from '../shared/find';
import { requesterOf } from '../shared/identity';
import { untilSeen } from '../shared/own-write';
import { askForRouter } from '../shared/router';
import { presentLoadBalancer } from './present-load-balancer';
import { loadBalancer, loadBalancerStrategy } from './wire-load-balancer';

export const updateLoadBalancer = mutation({
  name: 'cluster.updateLoadBalancer',
  summary: 'Strategy and weights',
  rest: { method: 'PUT', path: '/cluster/load-balancer' },
  graphql: { field: 'updateLoadBalancer', style: 'input' },
  role: 'operator',
  rate: 'write',
  input: z
    .strictObject({
      strategy: loadBalancerStrategy.optional(),
      weights: z
        .record(z.string(), z.number().min(0).max(1000))
        .optional()
        .meta({ description: 'Weight per node; replaces those of the nodes named' }),
      read_max_lag_ms: z.int().min(0).max(3_600_000).optional(),
    })
    .meta({ id: 'LoadBalancerInput', description: 'What to change' }),
  output: loadBalancer,
  errors: ['INVALID_INPUT', 'FORBIDDEN', 'NOT_FOUND', 'UNAVAILABLE'],
  example: { strategy: 'least_connections' },
  async handler({ input, context }) {
    const { view } = context.engine.current();
    for (const node of Object.keys(input.weights ?? {})) findNode(view, node);
    const before = view.config.loadBalancer;
    const { config } = await context.engine.leader('config.put', {
      patch: {
        loadBalancer: {
          strategy: input.strategy ?? before.strategy,
          weights: { ...before.weights, ...input.weights },
        },
        ...(input.read_max_lag_ms === undefined ? {} : { readMaxLagMs: input.read_max_lag_ms }),
      },
      requester: requesterOf(context),
    });
    await untilSeen(context, (view) => isDeepStrictEqual(view.config, config));
    return presentLoadBalancer(config, await askForRouter(context.engine));
  },
});
