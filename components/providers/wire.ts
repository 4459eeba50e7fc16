/** The server's shapes by the names that the console uses. Types only. */
import type { z } from 'zod';
import type { accessPolicy } from '@/server/procedures/access-policy/wire';
import type { apiKey, createdApiKey } from '@/server/procedures/api-keys/wire';
import type { approval } from '@/server/procedures/approvals/wire';
import type { auditRecord } from '@/server/procedures/audit/wire';
import type { whoami } from '@/server/procedures/auth/wire';
import type { clusterConfig } from '@/server/procedures/cluster/wire-config';
import type { failoverPreflight, failoverRecord } from '@/server/procedures/cluster/wire-failover';
import type { loadBalancer } from '@/server/procedures/cluster/wire-load-balancer';
import type {
  databaseSession,
  databaseSetting,
  fault,
  logLine,
  resourceSample,
} from '@/server/procedures/cluster/wire-node-details';
import type { raftEntry, raftStatus } from '@/server/procedures/cluster/wire-raft';
import type { globalService } from '@/server/procedures/gds/wire';
import type { createdInvitation, invitation } from '@/server/procedures/invitations/wire';
import type { lockout } from '@/server/procedures/lockouts/wire';
import type { walStream } from '@/server/procedures/replication/wire';
import type { replicationSlot } from '@/server/procedures/replication/wire-slots';
import type { consoleSession } from '@/server/procedures/sessions/wire';
import type { user } from '@/server/procedures/shared/wire-account';
import type { clusterEvent } from '@/server/procedures/shared/wire-event';
import type { linkStatus } from '@/server/procedures/shared/wire-link';
import type { clusterNode } from '@/server/procedures/shared/wire-node';
import type { candidate, operation, operationStep, phase } from '@/server/procedures/shared/wire-operation';
import type { clusterTopology, group, link, problem } from '@/server/procedures/shared/wire-topology';
import type { clusterLive, livePatch } from '@/server/procedures/view/wire';
import type { clusterTransaction, heuristicOutcome, resourceManager, xaTransaction } from '@/server/procedures/xa/wire';

export type Topology = z.infer<typeof clusterTopology>;
export type Group = z.infer<typeof group>;
export type ClusterNode = z.infer<typeof clusterNode>;
export type Link = z.infer<typeof link>;
export type Problem = z.infer<typeof problem>;
export type Live = z.infer<typeof clusterLive>;
export type LivePatch = z.infer<typeof livePatch>;
export type ClusterEvent = z.infer<typeof clusterEvent>;
export type Operation = z.infer<typeof operation>;
export type OperationStep = z.infer<typeof operationStep>;
export type Candidate = z.infer<typeof candidate>;
export type Phase = z.infer<typeof phase>;
export type Preflight = z.infer<typeof failoverPreflight>;
export type FailoverRecord = z.infer<typeof failoverRecord>;
export type Session = z.infer<typeof databaseSession>;
export type Setting = z.infer<typeof databaseSetting>;
export type LogLine = z.infer<typeof logLine>;
export type Sample = z.infer<typeof resourceSample>;
export type LinkStatus = z.infer<typeof linkStatus>;
export type Fault = z.infer<typeof fault>;
export type RaftStatus = z.infer<typeof raftStatus>;
export type RaftEntry = z.infer<typeof raftEntry>;
export type WalStream = z.infer<typeof walStream>;
export type Slot = z.infer<typeof replicationSlot>;
export type Service = z.infer<typeof globalService>;
export type Config = z.infer<typeof clusterConfig>;
export type LoadBalancer = z.infer<typeof loadBalancer>;
export type AuditRecord = z.infer<typeof auditRecord>;
export type ConsoleSession = z.infer<typeof consoleSession>;
export type Lockout = z.infer<typeof lockout>;
export type AccessPolicy = z.infer<typeof accessPolicy>;
export type Approval = z.infer<typeof approval>;
export type Invitation = z.infer<typeof invitation>;
export type CreatedInvitation = z.infer<typeof createdInvitation>;
export type User = z.infer<typeof user>;
export type ApiKey = z.infer<typeof apiKey>;
export type CreatedApiKey = z.infer<typeof createdApiKey>;
export type Whoami = z.infer<typeof whoami>;
export type Role = Whoami['role'];
export type XaTransaction = z.infer<typeof xaTransaction>;
export type XaBranch = XaTransaction['branches'][number];
export type ClusterTransaction = z.infer<typeof clusterTransaction>;
export type HeuristicOutcome = z.infer<typeof heuristicOutcome>;
export type ResourceManager = z.infer<typeof resourceManager>;
