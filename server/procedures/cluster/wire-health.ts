/** Health verdicts, members and the status of the cluster. */
import { z } from 'zod';
import { isoTime, percent, unixSeconds } from '../shared/primitives';
import { clusterNode } from '../shared/wire-node';
import { counts, problem } from '../shared/wire-topology';

export const clusteringStatus = z
  .object({
    cluster_id: z.string(),
    cluster_name: z.string(),
    enabled: z.boolean(),
    nodes: z.array(
      clusterNode
        .extend({
          cpu_usage_percent: percent,
          memory_usage_percent: percent,
          disk_usage_percent: percent,
          queries_per_second: z.number().meta({ description: 'Transactions per second' }),
        })
        .meta({ id: 'ClusteringNode', description: 'A node with its loads' }),
    ),
    total_nodes: z.int(),
    healthy_nodes: z.int(),
    quorum_size: z.int(),
    has_quorum: z.boolean(),
    leader_node: z.string().nullable(),
    consensus_protocol: z.string(),
    replication_factor: z.int(),
  })
  .meta({ id: 'ClusteringStatus', description: 'Clustering status' });

export const healthCheck = z
  .object({
    name: z.string(),
    ok: z.boolean().meta({ description: 'It passes; false also for what is not known' }),
    status: z
      .enum(['ok', 'failed', 'unknown'])
      .meta({ description: 'unknown: not measured, or the node was not heard' }),
    measured: z.string().nullable(),
    limit: z.string().nullable(),
    message: z.string(),
  })
  .meta({ id: 'HealthCheck', description: 'One health check' });

export const nodeHealth = z
  .object({
    node_id: z.string(),
    status: z.string(),
    reason: z.string(),
    checks: z.array(healthCheck),
    problems: z.array(problem),
    last_check: unixSeconds.nullable().meta({ description: 'When the node was last heard; null: never' }),
  })
  .meta({ id: 'NodeHealth', description: 'Health checks of one node' });

export const clusterHealth = z
  .object({
    status: z.enum(['healthy', 'degraded', 'critical']),
    healthy: z.boolean(),
    sentence: z.string(),
    reasons: z.array(problem),
    ...counts,
    groups: z.array(
      z
        .object({
          name: z.string(),
          writable: z.boolean(),
          readable: z.boolean(),
          degraded: z.boolean(),
          sentence: z.string(),
        })
        .meta({ id: 'GroupHealth', description: 'Health of one group' }),
    ),
    timestamp: unixSeconds,
  })
  .meta({ id: 'ClusterHealth', description: 'Health verdict with reasons' });

export const healthTransition = z
  .object({
    at: isoTime,
    node: z.string().nullable(),
    group: z.string().nullable(),
    from: z.string(),
    to: z.string(),
    reason: z.string(),
  })
  .meta({ id: 'HealthTransition', description: 'A change of health' });

export const member = z
  .object({
    node_id: z.string(),
    address: z.string(),
    port: z.int().meta({ description: 'Interconnect port' }),
    state: z.enum(['alive', 'suspect', 'dead', 'left']),
    incarnation: z.string().meta({ description: "Identity of this life of the node's data directory" }),
    last_heartbeat: unixSeconds.nullable(),
    suspicion: z.number().nullable().meta({ description: 'Phi; for display, it never decides' }),
    raft_role: z.string(),
    group: z.string(),
    region: z.string(),
  })
  .meta({ id: 'ClusterMember', description: 'A member of the cluster' });
