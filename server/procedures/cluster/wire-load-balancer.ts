/** The load balancer on the wire: strategy, pools and connections. */
import { z } from 'zod';
import { endpointState, routerProcess } from '../shared/wire-router';

export const loadBalancerStrategy = z.enum(['round_robin', 'least_connections', 'weighted', 'latency', 'region_aware']);

export const loadBalancer = z
  .object({
    strategy: loadBalancerStrategy,
    weights: z.record(z.string(), z.number()).meta({ description: 'Weight per node, for `weighted`' }),
    read_max_lag_ms: z.int(),
    router: routerProcess,
    pools: z.array(
      z
        .object({
          service: z.string(),
          group: z.string(),
          kind: z.enum(['rw', 'ro']),
          host: z.string(),
          port: z.int(),
          strategy: z.string(),
          held: z.int().meta({ description: 'Connections held until there is a primary' }),
          open_sessions: z.int(),
          total_sessions: z.int().meta({ scalar: 'BigInt' }),
          refused: z.int().meta({ scalar: 'BigInt' }),
          endpoints: z.array(
            z
              .object({
                node: z.string(),
                state: endpointState,
                reason: z.string().nullable(),
                sessions: z.int(),
                weight: z.number(),
                connect_ms: z.number().nullable(),
              })
              .meta({ id: 'PoolEndpoint', description: 'A node in a pool' }),
          ),
        })
        .meta({ id: 'ServicePool', description: 'One service and the nodes behind it' }),
    ),
    clients: z.array(
      z
        .object({
          service: z.string(),
          node: z.string(),
          client_address: z.string(),
          user: z.string().nullable(),
          database: z.string().nullable(),
          application_name: z.string().nullable(),
          since: z.string().meta({ scalar: 'DateTime' }),
          bytes_in: z.int().meta({ scalar: 'BigInt' }),
          bytes_out: z.int().meta({ scalar: 'BigInt' }),
        })
        .meta({ id: 'RouterClient', description: 'Who is connected through the router' }),
    ),
  })
  .meta({ id: 'LoadBalancer', description: 'Strategy, pools and connections' });
