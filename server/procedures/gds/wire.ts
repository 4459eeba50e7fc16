/** Global data services: named endpoints that PostgreSQL clients connect to. */
import { z } from 'zod';
import { bigCount } from '../shared/primitives';
import { endpointState, routerProcess } from '../shared/wire-router';

export const globalService = z
  .object({
    service_name: z.string(),
    group: z.string(),
    kind: z.enum(['rw', 'ro']),
    host: z.string(),
    port: z.int(),
    database: z.string(),
    user: z.string(),
    built_in: z.boolean(),
    available: z.boolean().meta({ description: 'A node can serve it now' }),
    reason: z.string().nullable().meta({ description: 'Why it is not available' }),
    strategy: z.string(),
    open_sessions: z.int().nullable().meta({ description: 'Sessions open now; null while no router reports' }),
    endpoints: z.array(
      z
        .object({
          node: z.string(),
          host: z.string(),
          port: z.int(),
          role: z.enum(['primary', 'standby']),
          region: z.string(),
          state: z.string(),
        })
        .meta({ id: 'ServiceEndpoint', description: 'A node behind a service' }),
    ),
    connection_string: z.string().meta({ description: 'Through the router, without the password' }),
    members: z
      .array(
        z
          .object({ node: z.string(), host: z.string(), port: z.int() })
          .meta({ id: 'ServiceMember', description: 'Where PostgreSQL of a member of the group listens' }),
      )
      .meta({ description: 'All nodes of the group: for clients that find the right one themselves' }),
    direct_connection_string: z.string().meta({
      description: 'Straight to PostgreSQL, without the password: all members, and which of them is wanted (libpq)',
    }),
  })
  .meta({ id: 'GlobalService', description: 'A named endpoint for PostgreSQL clients' });

export const serviceCredentials = z
  .object({
    service_name: z.string(),
    host: z.string(),
    port: z.int(),
    database: z.string(),
    user: z.string(),
    password: z.string(),
    connection_string: z.string().meta({ description: 'Through the router, with the password' }),
    direct_connection_string: z.string().meta({
      description: 'Straight to PostgreSQL, with the password: all members, and which of them is wanted (libpq)',
    }),
  })
  .meta({ id: 'ServiceCredentials', description: 'How to connect, with the password' });

const counters = {
  open_sessions: z.int().nullable().meta({ description: 'Sessions open now; null while no router reports' }),
  held: z
    .int()
    .nullable()
    .meta({ description: 'Connections that wait for a node that may serve them; null while no router reports' }),
  total_sessions: bigCount
    .nullable()
    .meta({ description: 'Sessions since the router started; null while no router reports', scalar: 'BigInt' }),
  refused: bigCount.nullable().meta({
    description: 'Connections refused since the router started; null while no router reports',
    scalar: 'BigInt',
  }),
};

export const serviceStats = z
  .object({
    router: routerProcess,
    total_services: z.int().meta({ description: 'Services there are' }),
    available_services: z.int().meta({ description: 'Services that a node can serve now' }),
    ...counters,
    services: z
      .array(
        z
          .object({
            service_name: z.string(),
            group: z.string(),
            kind: z.enum(['rw', 'ro']),
            available: z.boolean().meta({ description: 'A node can serve it now' }),
            ...counters,
          })
          .meta({ id: 'ServiceCounters', description: 'What the router counted of one service' }),
      )
      .meta({ description: 'One entry per service' }),
  })
  .meta({ id: 'GlobalServiceStats', description: 'What the router counted, in all and per service' });

export const routingDecision = z
  .object({
    service_name: z.string(),
    group: z.string(),
    kind: z.enum(['rw', 'ro']),
    strategy: z.string(),
    node: z.string().nullable().meta({ description: 'Where the next session would go; null: it would be held' }),
    reason: z.string().meta({ description: 'Why there, or why it would be held' }),
    held: z.int().meta({ description: 'Connections that wait for a node that may serve them' }),
    candidates: z
      .array(
        z
          .object({
            node: z.string(),
            role: z.enum(['primary', 'standby']).nullable(),
            region: z.string().nullable(),
            chosen: z.boolean().meta({ description: 'The next session would go there' }),
            state: endpointState,
            reason: z.string().nullable().meta({ description: 'Why it is not active; null: it is' }),
            sessions: z.int(),
            weight: z.number(),
            connect_ms: z.number().nullable(),
          })
          .meta({ id: 'RoutingCandidate', description: 'A node that a session could go to' }),
      )
      .meta({ description: 'Every node of the group as the router sees it' }),
  })
  .meta({ id: 'RoutingDecision', description: 'What the router would do with the next session of a service' });
