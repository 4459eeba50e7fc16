/** The procedures of `cluster`: groups, nodes, failover and the control store. */
import { addNode } from './add-node';
import { endSession } from './end-session';
import { failover } from './failover';
import { getConfig } from './get-config';
import { getFailover } from './get-failover';
import { getHealth } from './get-health';
import { getLoadBalancer } from './get-load-balancer';
import { getNode } from './get-node';
import { getNodeHealth } from './get-node-health';
import { getNodeLinks } from './get-node-links';
import { getNodeLogs } from './get-node-logs';
import { getNodeResources } from './get-node-resources';
import { getNodeSettings } from './get-node-settings';
import { getNodeWal } from './get-node-wal';
import { getRaftLog } from './get-raft-log';
import { getRaftStatus } from './get-raft-status';
import { getStatus } from './get-status';
import { getTopology } from './get-topology';
import { listFailovers } from './list-failovers';
import { listFaults } from './list-faults';
import { listHealthHistory } from './list-health-history';
import { listMembers } from './list-members';
import { listNodes } from './list-nodes';
import { listSessions } from './list-sessions';
import { preflightFailover } from './preflight-failover';
import { rejoinNode } from './rejoin-node';
import { removeNode } from './remove-node';
import { restartNode } from './restart-node';
import { setAutomaticFailover } from './set-automatic-failover';
import { setFaults } from './set-faults';
import { setMaintenance } from './set-maintenance';
import { startNode } from './start-node';
import { stopNode } from './stop-node';
import { transferLeadership } from './transfer-leadership';
import { updateConfig } from './update-config';
import { updateGroupSettings } from './update-group-settings';
import { updateHealthConfig } from './update-health-config';
import { updateLoadBalancer } from './update-load-balancer';
import { updateNode } from './update-node';
import { watchFailovers } from './watch-failovers';
import { watchNodeStatus } from './watch-node-status';
import { watchTopology } from './watch-topology';

export const cluster = {
  addNode,
  endSession,
  failover,
  getConfig,
  getFailover,
  getHealth,
  getLoadBalancer,
  getNodeHealth,
  getNodeLinks,
  getNodeLogs,
  getNodeResources,
  getNodeSettings,
  getNodeWal,
  getNode,
  getRaftLog,
  getRaftStatus,
  getStatus,
  getTopology,
  listFailovers,
  listFaults,
  listHealthHistory,
  listMembers,
  listNodes,
  listSessions,
  preflightFailover,
  rejoinNode,
  removeNode,
  restartNode,
  setAutomaticFailover,
  setFaults,
  setMaintenance,
  startNode,
  stopNode,
  transferLeadership,
  updateConfig,
  updateGroupSettings,
  updateHealthConfig,
  updateLoadBalancer,
  updateNode,
  watchFailovers,
  watchNodeStatus,
  watchTopology,
} as const;
