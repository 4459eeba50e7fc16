/** The configuration in force before the first record is read, and for keys that an older record lacks. */
import type { ClusterConfig } from '../model';

export const defaultConfig: ClusterConfig = {
  clusterName: 'rustydb',
  replicationFactor: 3,
  minQuorumSize: 2,
  heartbeatIntervalMs: 100,
  electionTimeoutMs: 500,
  leaseMs: 2000,
  autoFailover: true,
  geoReplication: false,
  syncReplication: true,
  drainMs: 300,
  restartBudgetMs: 1000,
  routerHoldMs: 30_000,
  readMaxLagMs: 10_000,
  loadBalancer: { strategy: 'round_robin', weights: {} },
  health: {
    checkIntervalMs: 250,
    lagWarningBytes: 16 * 1024 * 1024,
    lagCriticalBytes: 256 * 1024 * 1024,
    diskWarningPercent: 85,
  },
};
