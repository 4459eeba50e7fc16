/**
 * Cluster configuration on the wire. The input is loose on purpose: unknown keys, ranges and contradictions get the messages that
 * RustyDB's clients know, from engine/…/config rules, not from the schema.
 */
import { z } from 'zod';
import { bytes } from '../shared/primitives';

export const loadBalancerStrategy = z.enum(['round_robin', 'least_connections', 'weighted', 'latency', 'region_aware']);

export const healthConfig = z
  .object({
    check_interval_ms: z.int(),
    lag_warning_bytes: z.int().meta({ scalar: 'BigInt' }),
    lag_critical_bytes: z.int().meta({ scalar: 'BigInt' }),
    disk_warning_percent: z.number(),
  })
  .meta({ id: 'HealthConfig', description: 'Health-check intervals and thresholds' });

export const clusterConfig = z
  .object({
    cluster_name: z.string(),
    replication_factor: z.int().meta({ description: 'Wanted nodes per group' }),
    min_quorum_size: z.int(),
    heartbeat_interval_ms: z.int(),
    election_timeout_ms: z.int(),
    lease_ms: z.int(),
    auto_failover: z.boolean(),
    geo_replication: z.boolean(),
    sync_replication: z.boolean(),
    drain_ms: z.int().meta({ description: 'Sessions get this long to end at a planned switchover' }),
    restart_budget_ms: z.int().meta({ description: 'Restart in place when the estimated redo fits' }),
    router_hold_ms: z.int().meta({ description: 'The router holds new connections this long' }),
    read_max_lag_ms: z.int().meta({ description: 'Standbys further behind get no reads' }),
    health: healthConfig,
    adjusted: z.array(z.string()).meta({ description: 'Unset dependants that the last change raised' }),
  })
  .meta({ id: 'ClusterConfig', description: 'Cluster configuration' });

const setting = <T extends z.ZodType>(schema: T, description: string) => schema.optional().meta({ description });

export const clusterConfigInput = z
  .strictObject({
    cluster_name: setting(z.string().min(1).max(64), 'Name of the cluster, 1 to 64 characters'),
    replication_factor: setting(z.int().min(1).max(7), 'Wanted nodes per group, 1 to 7'),
    min_quorum_size: setting(z.int().min(1).max(1000), 'At least a majority of the voters'),
    heartbeat_interval_ms: setting(z.int().min(50).max(10_000), '50 to 10000'),
    election_timeout_ms: setting(z.int().min(1).max(600_000), 'At least 4 heartbeats'),
    lease_ms: setting(z.int().min(1).max(3_600_000), 'At least 2 election time-outs'),
    auto_failover: setting(z.boolean(), 'Fail over automatically'),
    geo_replication: setting(z.boolean(), 'Regions take part in placement'),
    sync_replication: setting(z.boolean(), 'false: asynchronous for all groups; needs allow_data_loss'),
    allow_data_loss: setting(z.boolean(), 'Admin only: groups may become asynchronous'),
    drain_ms: setting(z.int().min(0).max(600_000), 'Sessions get this long to end at a switchover'),
    restart_budget_ms: setting(z.int().min(0).max(600_000), 'Restart in place when estimated redo fits'),
    router_hold_ms: setting(z.int().min(0).max(600_000), 'The router holds new connections this long'),
    read_max_lag_ms: setting(z.int().min(0).max(3_600_000), 'Standbys further behind get no reads'),
  })
  .meta({ id: 'ClusterConfigInput', description: 'Configuration keys to change' });

export const healthConfigInput = z
  .strictObject({
    check_interval_ms: setting(z.int().min(100).max(60_000), 'Interval of health checks'),
    lag_warning_bytes: bytes.optional().meta({ description: 'A standby further behind is degraded', scalar: 'BigInt' }),
    lag_critical_bytes: bytes
      .optional()
      .meta({ description: 'A standby further behind is unhealthy', scalar: 'BigInt' }),
    disk_warning_percent: setting(z.number().min(1).max(100), 'A fuller disk is a health reason'),
  })
  .meta({ id: 'HealthConfigInput', description: 'Thresholds to change' });

export const routerProcess = z
  .object({ host: z.string(), pid: z.int().nullable(), started_at: z.string().nullable() })
  .meta({ id: 'RouterProcess', description: 'The router process' })
  .nullable()
  .meta({ description: 'Null while no router reports' });

export const endpointState = z.enum(['active', 'idle', 'ejected', 'lagging', 'down']);

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
