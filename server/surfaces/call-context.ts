/** One call as a surface hands it in: what the handler may use, plus what guards the call. */
import type { Logger } from '@/engine/kernel/log';
import type { AuditWriter } from '@/server/audit/writer';
import type { AccessPolicyStore, SessionKeeper } from '@/server/auth/api';
import type { Approvals } from '@/server/auth/approvals';
import type { StoredLastUses } from '@/server/auth/last-uses';
import type { RateLimits } from '@/server/auth/rate-limits';
import type { ProcedureContext } from '@/server/procedures/context';
import type { ApiMetrics } from '@/server/telemetry/api-metrics';
import type { IdempotentCalls } from './idempotency';

export type Gate = {
  readonly limits: RateLimits;
  readonly uses: StoredLastUses;
  /** What guards force paths; whole, whatever the caller may see of it. */
  readonly force: {
    readonly policy: AccessPolicyStore;
    readonly sessions: SessionKeeper;
    readonly approvals: Approvals;
  };
  readonly once: IdempotentCalls;
  readonly auditWriter: AuditWriter;
  readonly metrics: ApiMetrics;
  readonly logger: Logger;
};

export type CallContext = ProcedureContext & {
  readonly gate: Gate;
  /** Calls back when whoever asks has lost the right; returns how to stop. Absent where the surface itself ends (sockets). */
  readonly onAccessLost?: (lost: () => void) => () => void;
};
