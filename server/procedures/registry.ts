/** Every procedure of the product. The surfaces walk this table; a procedure that is not here does not exist. */

import { addNode as clusterAddNode } from './cluster/add-node';
import { endSession as clusterEndSession } from './cluster/end-session';
import { failover as clusterFailover } from './cluster/failover';
import { getConfig as clusterGetConfig } from './cluster/get-config';
import { getFailover as clusterGetFailover } from './cluster/get-failover';
import { getHealth as clusterGetHealth } from './cluster/get-health';
import { getLoadBalancer as clusterGetLoadBalancer } from './cluster/get-load-balancer';
import { getNode as clusterGetNode } from './cluster/get-node';
import { getNodeHealth as clusterGetNodeHealth } from './cluster/get-node-health';
import { getNodeLinks as clusterGetNodeLinks } from './cluster/get-node-links';
import { getNodeLogs as clusterGetNodeLogs } from './cluster/get-node-logs';
import { getNodeResources as clusterGetNodeResources } from './cluster/get-node-resources';
import { getNodeSettings as clusterGetNodeSettings } from './cluster/get-node-settings';
import { getNodeWal as clusterGetNodeWal } from './cluster/get-node-wal';
import { getRaftLog as clusterGetRaftLog } from './cluster/get-raft-log';
import { getRaftStatus as clusterGetRaftStatus } from './cluster/get-raft-status';
import { getStatus as clusterGetStatus } from './cluster/get-status';
import { getTopology as clusterGetTopology } from './cluster/get-topology';
import { listFailovers as clusterListFailovers } from './cluster/list-failovers';
import { listFaults as clusterListFaults } from './cluster/list-faults';
import { listHealthHistory as clusterListHealthHistory } from './cluster/list-health-history';
import { listMembers as clusterListMembers } from './cluster/list-members';
import { listNodes as clusterListNodes } from './cluster/list-nodes';
import { listSessions as clusterListSessions } from './cluster/list-sessions';
import { preflightFailover as clusterPreflightFailover } from './cluster/preflight-failover';
import { rejoinNode as clusterRejoinNode } from './cluster/rejoin-node';
import { removeNode as clusterRemoveNode } from './cluster/remove-node';
import { restartNode as clusterRestartNode } from './cluster/restart-node';
import { setAutomaticFailover as clusterSetAutomaticFailover } from './cluster/set-automatic-failover';
import { setFaults as clusterSetFaults } from './cluster/set-faults';
import { setMaintenance as clusterSetMaintenance } from './cluster/set-maintenance';
import { startNode as clusterStartNode } from './cluster/start-node';
import { stopNode as clusterStopNode } from './cluster/stop-node';
import { transferLeadership as clusterTransferLeadership } from './cluster/transfer-leadership';
import { updateConfig as clusterUpdateConfig } from './cluster/update-config';
import { updateGroupSettings as clusterUpdateGroupSettings } from './cluster/update-group-settings';
import { updateHealthConfig as clusterUpdateHealthConfig } from './cluster/update-health-config';
import { updateLoadBalancer as clusterUpdateLoadBalancer } from './cluster/update-load-balancer';
import { updateNode as clusterUpdateNode } from './cluster/update-node';
import { watchFailovers as clusterWatchFailovers } from './cluster/watch-failovers';
import { watchNodeStatus as clusterWatchNodeStatus } from './cluster/watch-node-status';
import { watchTopology as clusterWatchTopology } from './cluster/watch-topology';
import type { AnyDefinition } from './definition';
import { getCredentials as gdsGetCredentials } from './gds/get-credentials';
import { getRouting as gdsGetRouting } from './gds/get-routing';
import { getService as gdsGetService } from './gds/get-service';
import { getStats as gdsGetStats } from './gds/get-stats';
import { listServices as gdsListServices } from './gds/list-services';
import { getStatus as geoGetStatus } from './geo/get-status';
import { listRegions as geoListRegions } from './geo/list-regions';
import { acceptInvitation as invitationsAccept } from './platform/accept-invitation';
import { approveRequest as approvalsApprove } from './platform/approve-request';
import { cancel as operationsCancel } from './platform/cancel-operation';
import { changePassword as authChangePassword } from './platform/change-password';
import { createApiKey as apiKeysCreate } from './platform/create-api-key';
import { createInvitation as invitationsCreate } from './platform/create-invitation';
import { createUser as usersCreate } from './platform/create-user';
import { deleteUser as usersDelete } from './platform/delete-user';
import { getAccessPolicy as accessPolicyGet } from './platform/get-access-policy';
import { getInfo as platformGetInfo } from './platform/get-info';
import { get as operationsGet } from './platform/get-operation';
import { listApiKeys as apiKeysList } from './platform/list-api-keys';
import { listApprovals as approvalsList } from './platform/list-approvals';
import { listAudit as auditList } from './platform/list-audit';
import { listInvitations as invitationsList } from './platform/list-invitations';
import { listLockouts as lockoutsList } from './platform/list-lockouts';
import { list as operationsList } from './platform/list-operations';
import { listOwnSessions as sessionsListOwn } from './platform/list-own-sessions';
import { listSessions as sessionsList } from './platform/list-sessions';
import { listUsers as usersList } from './platform/list-users';
import { login as authLogin } from './platform/login';
import { logout as authLogout } from './platform/logout';
import { me as authMe } from './platform/me';
import { reauthenticate as authReauthenticate } from './platform/reauthenticate';
import { rejectRequest as approvalsReject } from './platform/reject-request';
import { revokeAllSessions as sessionsRevokeAll } from './platform/revoke-all-sessions';
import { revokeApiKey as apiKeysRevoke } from './platform/revoke-api-key';
import { revokeSession as sessionsRevoke } from './platform/revoke-session';
import { signInMethods as authMethods } from './platform/sign-in-methods';
import { stream as eventsStream } from './platform/stream-events';
import { streamPatches as viewPatches } from './platform/stream-patches';
import { streamView as viewStream } from './platform/stream-view';
import { unlock as lockoutsUnlock } from './platform/unlock';
import { updateAccessPolicy as accessPolicyUpdate } from './platform/update-access-policy';
import { updateUser as usersUpdate } from './platform/update-user';
import { verifyAudit as auditVerify } from './platform/verify-audit';
import { withdrawInvitation as invitationsWithdraw } from './platform/withdraw-invitation';
import { getInterconnectStats as racGetInterconnectStats } from './rac/get-interconnect-stats';
import { getInterconnectStatus as racGetInterconnectStatus } from './rac/get-interconnect-status';
import { listInterconnectLatency as racListInterconnectLatency } from './rac/list-interconnect-latency';
import { configure as replicationConfigure } from './replication/configure';
import { createSlot as replicationCreateSlot } from './replication/create-slot';
import { deleteSlot as replicationDeleteSlot } from './replication/delete-slot';
import { getClusterReplication as replicationGetClusterReplication } from './replication/get-cluster-replication';
import { getConfig as replicationGetConfig } from './replication/get-config';
import { getDashboard as replicationGetDashboard } from './replication/get-dashboard';
import { getHealth as replicationGetHealth } from './replication/get-health';
import { getLag as replicationGetLag } from './replication/get-lag';
import { getMetrics as replicationGetMetrics } from './replication/get-metrics';
import { getSlot as replicationGetSlot } from './replication/get-slot';
import { getStatus as replicationGetStatus } from './replication/get-status';
import { listArchiving as replicationListArchiving } from './replication/list-archiving';
import { listErrors as replicationListErrors } from './replication/list-errors';
import { listLagMetrics as replicationListLagMetrics } from './replication/list-lag-metrics';
import { listSlots as replicationListSlots } from './replication/list-slots';
import { listThroughput as replicationListThroughput } from './replication/list-throughput';
import { listWalStreams as replicationListWalStreams } from './replication/list-wal-streams';
import { pauseReplica as replicationPauseReplica } from './replication/pause-replica';
import { pauseWalStream as replicationPauseWalStream } from './replication/pause-wal-stream';
import { promote as replicationPromote } from './replication/promote';
import { resumeReplica as replicationResumeReplica } from './replication/resume-replica';
import { resumeWalStream as replicationResumeWalStream } from './replication/resume-wal-stream';
import { switchWal as replicationSwitchWal } from './replication/switch-wal';
import { watchLag as replicationWatchLag } from './replication/watch-lag';
import { watchSlots as replicationWatchSlots } from './replication/watch-slots';

export const procedures = {
  cluster: {
    addNode: clusterAddNode,
    endSession: clusterEndSession,
    failover: clusterFailover,
    getConfig: clusterGetConfig,
    getFailover: clusterGetFailover,
    getHealth: clusterGetHealth,
    getLoadBalancer: clusterGetLoadBalancer,
    getNodeHealth: clusterGetNodeHealth,
    getNodeLinks: clusterGetNodeLinks,
    getNodeLogs: clusterGetNodeLogs,
    getNodeResources: clusterGetNodeResources,
    getNodeSettings: clusterGetNodeSettings,
    getNodeWal: clusterGetNodeWal,
    getNode: clusterGetNode,
    getRaftLog: clusterGetRaftLog,
    getRaftStatus: clusterGetRaftStatus,
    getStatus: clusterGetStatus,
    getTopology: clusterGetTopology,
    listFailovers: clusterListFailovers,
    listFaults: clusterListFaults,
    listHealthHistory: clusterListHealthHistory,
    listMembers: clusterListMembers,
    listNodes: clusterListNodes,
    listSessions: clusterListSessions,
    preflightFailover: clusterPreflightFailover,
    rejoinNode: clusterRejoinNode,
    removeNode: clusterRemoveNode,
    restartNode: clusterRestartNode,
    setAutomaticFailover: clusterSetAutomaticFailover,
    setFaults: clusterSetFaults,
    setMaintenance: clusterSetMaintenance,
    startNode: clusterStartNode,
    stopNode: clusterStopNode,
    transferLeadership: clusterTransferLeadership,
    updateConfig: clusterUpdateConfig,
    updateGroupSettings: clusterUpdateGroupSettings,
    updateHealthConfig: clusterUpdateHealthConfig,
    updateLoadBalancer: clusterUpdateLoadBalancer,
    updateNode: clusterUpdateNode,
    watchFailovers: clusterWatchFailovers,
    watchNodeStatus: clusterWatchNodeStatus,
    watchTopology: clusterWatchTopology,
  },
  gds: {
    getCredentials: gdsGetCredentials,
    getRouting: gdsGetRouting,
    getService: gdsGetService,
    getStats: gdsGetStats,
    listServices: gdsListServices,
  },
  geo: {
    getStatus: geoGetStatus,
    listRegions: geoListRegions,
  },
  operations: {
    cancel: operationsCancel,
    get: operationsGet,
    list: operationsList,
  },
  auth: {
    changePassword: authChangePassword,
    login: authLogin,
    logout: authLogout,
    me: authMe,
    methods: authMethods,
    reauthenticate: authReauthenticate,
  },
  apiKeys: {
    create: apiKeysCreate,
    list: apiKeysList,
    revoke: apiKeysRevoke,
  },
  accessPolicy: {
    get: accessPolicyGet,
    update: accessPolicyUpdate,
  },
  approvals: {
    approve: approvalsApprove,
    list: approvalsList,
    reject: approvalsReject,
  },
  invitations: {
    accept: invitationsAccept,
    create: invitationsCreate,
    list: invitationsList,
    withdraw: invitationsWithdraw,
  },
  lockouts: {
    list: lockoutsList,
    unlock: lockoutsUnlock,
  },
  sessions: {
    list: sessionsList,
    listOwn: sessionsListOwn,
    revoke: sessionsRevoke,
    revokeAll: sessionsRevokeAll,
  },
  users: {
    create: usersCreate,
    delete: usersDelete,
    list: usersList,
    update: usersUpdate,
  },
  platform: {
    getInfo: platformGetInfo,
  },
  audit: {
    list: auditList,
    verify: auditVerify,
  },
  events: {
    stream: eventsStream,
  },
  view: {
    patches: viewPatches,
    stream: viewStream,
  },
  rac: {
    getInterconnectStats: racGetInterconnectStats,
    getInterconnectStatus: racGetInterconnectStatus,
    listInterconnectLatency: racListInterconnectLatency,
  },
  replication: {
    configure: replicationConfigure,
    createSlot: replicationCreateSlot,
    deleteSlot: replicationDeleteSlot,
    getClusterReplication: replicationGetClusterReplication,
    getConfig: replicationGetConfig,
    getDashboard: replicationGetDashboard,
    getHealth: replicationGetHealth,
    getLag: replicationGetLag,
    getMetrics: replicationGetMetrics,
    getSlot: replicationGetSlot,
    getStatus: replicationGetStatus,
    listArchiving: replicationListArchiving,
    listErrors: replicationListErrors,
    listLagMetrics: replicationListLagMetrics,
    listSlots: replicationListSlots,
    listThroughput: replicationListThroughput,
    listWalStreams: replicationListWalStreams,
    pauseReplica: replicationPauseReplica,
    pauseWalStream: replicationPauseWalStream,
    promote: replicationPromote,
    resumeReplica: replicationResumeReplica,
    resumeWalStream: replicationResumeWalStream,
    switchWal: replicationSwitchWal,
    watchLag: replicationWatchLag,
    watchSlots: replicationWatchSlots,
  },
} as const;

export type Procedures = typeof procedures;

export const allProcedures: readonly AnyDefinition[] = Object.values(procedures).flatMap(
  (area) => Object.values(area) as readonly unknown[] as readonly AnyDefinition[],
);
