/** The status of the cluster by RustyDB's older words. */
import type { CurrentView } from '@/server/engine-client/api';
import { presentNodes } from '../shared/present-node';
import { counts } from '../shared/present-topology';

export function presentClusteringStatus(current: CurrentView, admin: boolean) {
  const { view } = current;
  const { total_nodes, healthy_nodes, quorum_size, has_quorum, leader_node } = counts(view);
  return {
    cluster_id: view.cluster.clusterId,
    cluster_name: view.config.clusterName,
    enabled: true,
    nodes: presentNodes(current, admin).map((node) => ({
      ...node,
      cpu_usage_percent: node.cpu_usage,
      memory_usage_percent: node.memory_usage,
      disk_usage_percent: node.disk_total_bytes > 0 ? (node.disk_used_bytes / node.disk_total_bytes) * 100 : 0,
      queries_per_second: node.transactions_per_second,
    })),
    total_nodes,
    healthy_nodes,
    quorum_size,
    has_quorum,
    leader_node,
    consensus_protocol: 'raft',
    replication_factor: view.config.replicationFactor,
  };
}
