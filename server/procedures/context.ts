/** What a handler may use. Built once per call by a surface; everything else a handler needs comes in through its input. */
import type { AuditTrail } from '@/server/audit/api';
import type {
  AccessPolicyStore,
  AccountDirectory,
  ApprovalDirectory,
  Identity,
  InvitationDirectory,
  LastUses,
  LockoutDirectory,
  SessionKeeper,
} from '@/server/auth/api';
import type { EngineClient } from '@/server/engine-client/api';

export type Surface = 'rest' | 'trpc' | 'graphql' | 'websocket' | 'sse';

export type ConsoleFacts = {
  readonly clusterId: string;
  readonly clusterName: string;
  readonly rehearsalEnabled: boolean;
  /** Label of the button where an identity provider is configured. */
  readonly singleSignOn?: string | null;
  /** Password of role `app`, read when asked for. */
  appPassword(): Promise<string>;
};

export type ProcedureContext = {
  readonly engine: EngineClient;
  readonly identity: Identity;
  readonly requestId: string;
  readonly clientAddress: string;
  /** What the client calls itself; absent where a surface has no request headers. */
  readonly userAgent?: string | null;
  /** The caller's trace, or the span of this call once it is open. */
  readonly traceparent?: string | null;
  readonly surface: Surface;
  readonly idempotencyKey: string | null;
  readonly accounts: AccountDirectory;
  readonly sessions: SessionKeeper;
  readonly uses: LastUses;
  readonly lockouts: LockoutDirectory;
  readonly policy: AccessPolicyStore;
  readonly approvals: ApprovalDirectory;
  readonly invitations: InvitationDirectory;
  readonly audit: AuditTrail;
  readonly facts: ConsoleFacts;
  /** Aborts when the caller is gone. */
  readonly signal: AbortSignal;
  /** Where a session cookie can be set; null on surfaces without response headers (WebSocket). */
  readonly setCookie: ((cookie: string) => void) | null;
};
