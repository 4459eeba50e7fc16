/** Puts the server together around an engine client: the same for the product and for tests, which bring their own engine and no pages. */
import path from 'node:path';
import type { Logger } from '@/engine/kernel/log';
import { AuditLog } from './audit/log';
import { StoredAccounts } from './auth/accounts';
import { Identifier } from './auth/identify';
import { defaultRateLimits, type RateLimitSettings, RateLimits } from './auth/rate-limits';
import { Sessions } from './auth/sessions';
import type { CurrentView, EngineClient } from './engine-client/api';
import type { ConsoleFacts } from './procedures/context';
import type { Services } from './surfaces/calls';
import { ApiMetrics } from './telemetry/api-metrics';

export type ComposeOptions = {
  readonly engine: EngineClient;
  readonly dataDirectory: string;
  readonly sessionSecret: string;
  readonly secureCookies: boolean;
  readonly rateLimits?: Partial<RateLimitSettings>;
  readonly facts: ConsoleFacts;
  readonly logger: Logger;
};

export type Composed = { readonly services: Services; readonly accounts: StoredAccounts; close(): Promise<void> };

export async function compose(options: ComposeOptions): Promise<Composed> {
  const { engine, logger, facts } = options;
  const audit = await AuditLog.open(path.join(options.dataDirectory, 'audit'));
  const accounts = new StoredAccounts(engine);
  const sessions = new Sessions({
    accounts,
    secret: new TextEncoder().encode(options.sessionSecret),
    cookieName: `rustydb_session_${facts.clusterId.replaceAll(/[^A-Za-z0-9]/g, '').slice(0, 12)}`,
    secure: options.secureCookies,
    revokedFile: path.join(options.dataDirectory, 'signed-out.json'),
  });
  const services: Services = {
    engine,
    accounts,
    sessions,
    identifier: new Identifier(accounts, sessions),
    audit,
    facts,
    gate: {
      limits: new RateLimits({ ...defaultRateLimits, ...options.rateLimits }),
      auditWriter: audit.writer,
      metrics: new ApiMetrics(() => currentOrNull(engine)),
      logger,
    },
  };
  return { services, accounts, close: () => audit.writer.close() };
}

function currentOrNull(engine: EngineClient): CurrentView | null {
  try {
    return engine.current();
  } catch {
    return null;
  }
}
