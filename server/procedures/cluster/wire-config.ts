/**
 * Cluster configuration on the wire. The input is loose on purpose: unknown keys, ranges and contradictions get the messages that
 * RustyDB's clients know, from engine/…/config rules, not from the schema.
 */
import { z } from 'zod';
import { bytes } from '../shared/primitives';

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
