/** The first records of an empty control store, written once by the first leader in one transaction. */
import { type ClusterConfig, type GroupRecord, keys, type LevelRecord, type NodeRecord } from '../cluster/model';
import type { ControlStore, Json, Mutation } from '../control/store';
import { ownLevel, release } from '../kernel/release';
import type { ClusterSeed } from '../runtime/process-config';

export function initialConfig(seed: ClusterSeed): ClusterConfig {
  return {
    clusterName: seed.clusterName,
    replicationFactor: Math.max(
      1,
      Math.min(7, Math.min(...seed.groups.map((g) => seed.nodes.filter((n) => n.group === g.name).length))),
    ),
    minQuorumSize: Math.floor(Math.min(5, seed.nodes.length) / 2) + 1,
    heartbeatIntervalMs: 100,
    electionTimeoutMs: 500,
    leaseMs: seed.leaseMs,
    autoFailover: true,
    geoReplication: false,
    syncReplication: seed.groups.some((group) => group.mode !== 'asynchronous'),
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
}

export function initialGroup(group: ClusterSeed['groups'][number], now: string): GroupRecord {
  return {
    name: group.name,
    mode: group.mode,
    epoch: 1,
    primary: group.primary,
    leaseReleased: false,
    voterSet: { members: [], k: 1 },
    // No standby has copied anything yet; the primary's agent adds voters as they catch up.
    promotable: 'none',
    onNoStandby: group.onNoStandby,
    failoverWait: 'promise',
    automaticFailover: true,
    automaticFailoverPausedBy: null,
    timeline: 1,
    timelineHistory: [],
    operation: null,
    settings: {},
    createdAt: now,
    systemIdentifier: null,
  };
}

/** A new cluster has no member of an older release. */
function initialLevel(now: string): LevelRecord {
  return { level: ownLevel, sealing: null, release, at: now, hold: null };
}

/** Writes the seed unless the store already has a cluster. Returns whether this call wrote it. */
export async function seedCluster(
  store: ControlStore,
  clusterId: string,
  seed: ClusterSeed,
  now: string,
): Promise<boolean> {
  const put = (key: string, value: unknown): Mutation => ({ kind: 'put', key, value: value as Json });
  const nodes = seed.nodes.map(
    (node): NodeRecord => ({ ...node, wanted: 'running', maintenance: false, createdAt: now }),
  );
  const result = await store.txn({
    compare: [{ key: keys.cluster, modRevision: 0 }],
    mutations: [
      put(keys.cluster, { clusterId, createdAt: now }),
      put(keys.config, initialConfig(seed)),
      put(keys.level, initialLevel(now)),
      ...nodes.map((node) => put(keys.node(node.id), node)),
      ...seed.groups.map((group) => put(keys.group(group.name), initialGroup(group, now))),
    ],
  });
  return result.succeeded;
}
