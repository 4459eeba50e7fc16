/** Puts the server together around an engine client: the same for the product and for tests, which bring their own engine and no pages. */
import path from 'node:path';
import type { Logger } from '@/engine/kernel/log';
import { AnchoredTrail, AuditAnchors } from './audit/anchors';
import { AuditEvents } from './audit/audit-events';
import { AuditLog } from './audit/log';
import { StoredAccessPolicy } from './auth/access-policy';
import { AccessWatch } from './auth/access-watch';
import { StoredAccounts } from './auth/accounts';
import { Approvals } from './auth/approvals';
import { BreakGlass } from './auth/break-glass';
import { Identifier } from './auth/identify';
import { Invitations } from './auth/invitations';
import { StoredLastUses } from './auth/last-uses';
import { Lockouts } from './auth/lockouts';
import { OidcSignIn } from './auth/oidc';
import type { OidcConfig } from './auth/oidc-config';
import { PasswordHasher } from './auth/passwords';
import { defaultRateLimits, type RateLimitSettings, RateLimits } from './auth/rate-limits';
import { Sessions } from './auth/sessions';
import { AccessUpkeep } from './auth/upkeep';
import type { EngineClient } from './engine-client/api';
import type { ConsoleFacts } from './procedures/context';
import { allProcedures } from './procedures/registry';
import { personOfIn, runApproved } from './surfaces/approved-call';
import type { Services } from './surfaces/calls';
import { IdempotentCalls } from './surfaces/idempotency';
import { ApiMetrics } from './telemetry/api-metrics';

export type ComposeOptions = {
  readonly engine: EngineClient;
  readonly dataDirectory: string;
  readonly sessionSecret: string;
  readonly secureCookies: boolean;
  readonly breakGlassFile?: string | undefined;
  readonly oidc?: OidcConfig | undefined;
  readonly rateLimits?: Partial<RateLimitSettings>;
  readonly facts: ConsoleFacts;
  readonly logger: Logger;
  /** Tests bring one that costs less; the product never does. */
  readonly passwords?: PasswordHasher;
};

export type Composed = {
  readonly services: Services;
  readonly accounts: StoredAccounts;
  readonly oidc: OidcSignIn | null;
  readonly upkeep: AccessUpkeep;
  readonly anchors: AuditAnchors;
  close(): Promise<void>;
};

export async function compose(options: ComposeOptions): Promise<Composed> {
  const { engine, logger, facts, passwords = new PasswordHasher() } = options;
  const audit = await AuditLog.open(path.join(options.dataDirectory, 'audit'));
  const auditEvents = new AuditEvents(engine, audit.writer.id);
  audit.onOutcome = (entry) => auditEvents.recorded(entry);
  const anchors = new AuditAnchors(engine, audit, logger);
  anchors.start();
  const trail = new AnchoredTrail(audit, anchors);
  const accounts = new StoredAccounts(engine, passwords);
  const uses = new StoredLastUses(engine);
  const lockouts = new Lockouts(engine);
  const policy = new StoredAccessPolicy(engine);
  const once = new IdempotentCalls(engine);
  const invitations = new Invitations(engine, accounts, passwords);
  const approvals = new Approvals(
    engine,
    (record) => runApproved(services, allProcedures, record),
    personOfIn(accounts),
  );
  const secret = new TextEncoder().encode(options.sessionSecret);
  const sessions = new Sessions({
    engine,
    accounts,
    lockouts,
    secret,
    cookieName: `rustydb_session_${facts.clusterId.replaceAll(/[^A-Za-z0-9]/g, '').slice(0, 12)}`,
    secure: options.secureCookies,
    backlogFile: path.join(options.dataDirectory, 'session-backlog.json'),
  });
  const identifier = new Identifier(accounts, sessions, new BreakGlass(options.breakGlassFile ?? null, logger));
  const services: Services = {
    engine,
    accounts,
    sessions,
    uses,
    lockouts,
    policy,
    approvals,
    invitations,
    identifier,
    access: new AccessWatch({ identifier, accounts, sessions }),
    audit: trail,
    facts: { ...facts, singleSignOn: options.oidc?.label ?? null },
    gate: {
      uses,
      force: { policy, sessions, approvals },
      once,
      limits: new RateLimits({ ...defaultRateLimits, ...options.rateLimits }),
      auditWriter: audit.writer,
      metrics: new ApiMetrics({ engine, audit: trail, logger }),
      logger,
    },
  };
  const oidc = options.oidc
    ? new OidcSignIn({ config: options.oidc, accounts, sessions, secret, secure: options.secureCookies })
    : null;
  const upkeep = new AccessUpkeep({ accounts, sessions, uses, lockouts, approvals, invitations, once, logger });
  upkeep.start();
  return {
    services,
    accounts,
    anchors,
    oidc,
    upkeep,
    async close() {
      services.access.close();
      await upkeep.stop();
      await anchors.stop();
      services.gate.metrics.close();
      await audit.writer.close();
    },
  };
}
