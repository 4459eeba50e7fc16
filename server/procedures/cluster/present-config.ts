/** Configuration between the engine's names and the wire's: one table, used in both directions. */
import type { z } from 'zod';
import type { ClusterConfig } from '@/engine/cluster/model';
import type { clusterConfigInput, healthConfigInput } from './wire-config';

const wireNames = {
  clusterName: 'cluster_name',
  replicationFactor: 'replication_factor',
  minQuorumSize: 'min_quorum_size',
  heartbeatIntervalMs: 'heartbeat_interval_ms',
  electionTimeoutMs: 'election_timeout_ms',
  leaseMs: 'lease_ms',
  autoFailover: 'auto_failover',
  geoReplication: 'geo_replication',
  syncReplication: 'sync_replication',
  drainMs: 'drain_ms',
  restartBudgetMs: 'restart_budget_ms',
  routerHoldMs: 'router_hold_ms',
  readMaxLagMs: 'read_max_lag_ms',
} as const satisfies Partial<Record<keyof ClusterConfig, string>>;

export function presentConfig(config: ClusterConfig, adjusted: readonly string[]) {
  return {
    cluster_name: config.clusterName,
    replication_factor: config.replicationFactor,
    min_quorum_size: config.minQuorumSize,
    heartbeat_interval_ms: config.heartbeatIntervalMs,
    election_timeout_ms: config.electionTimeoutMs,
    lease_ms: config.leaseMs,
    auto_failover: config.autoFailover,
    geo_replication: config.geoReplication,
    sync_replication: config.syncReplication,
    drain_ms: config.drainMs,
    restart_budget_ms: config.restartBudgetMs,
    router_hold_ms: config.routerHoldMs,
    read_max_lag_ms: config.readMaxLagMs,
    health: {
      check_interval_ms: config.health.checkIntervalMs,
      lag_warning_bytes: config.health.lagWarningBytes,
      lag_critical_bytes: config.health.lagCriticalBytes,
      disk_warning_percent: config.health.diskWarningPercent,
    },
    adjusted: adjusted.map((key) => (wireNames as Record<string, string>)[key] ?? key),
  };
}

export function configPatch(input: z.output<typeof clusterConfigInput>): Partial<ClusterConfig> {
  const entries = Object.entries(wireNames).flatMap(([engineName, wireName]) => {
    const value = input[wireName];
    return value === undefined ? [] : [[engineName, value] as const];
  });
  return Object.fromEntries(entries);
}

export function healthPatch(
  before: ClusterConfig['health'],
  input: z.output<typeof healthConfigInput>,
): ClusterConfig['health'] {
  return {
    checkIntervalMs: input.check_interval_ms ?? before.checkIntervalMs,
    lagWarningBytes: input.lag_warning_bytes ?? before.lagWarningBytes,
    lagCriticalBytes: input.lag_critical_bytes ?? before.lagCriticalBytes,
    diskWarningPercent: input.disk_warning_percent ?? before.diskWarningPercent,
  };
}
