/** A whole console server on a free port, with a recorded engine and one API key per role. */
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import pino from 'pino';
import type { OidcConfig } from '@/server/auth/oidc-config';
import { PasswordHasher } from '@/server/auth/passwords';
import type { RateLimitSettings } from '@/server/auth/rate-limits';
import { compose } from '@/server/compose';
import type { Role } from '@/server/procedures/definition';
import { allProcedures } from '@/server/procedures/registry';
import { declaredErrors } from '@/server/surfaces/declared-errors';
import { ConsoleHttpServer, type Pages } from '@/server/surfaces/http-server';
import type { TlsFiles } from '@/server/surfaces/tls-files';
import type { ApiMetrics } from '@/server/telemetry/api-metrics';
import { RecordedEngine } from './recorded-engine';

export const adminPassword = 'correct horse battery';

export type ConsoleFixture = {
  readonly engine: RecordedEngine;
  readonly url: string;
  readonly keys: Readonly<Record<Role, string>>;
  readonly dataDirectory: string;
  readonly http: ConsoleHttpServer;
  readonly services: Awaited<ReturnType<typeof compose>>['services'];
  readonly upkeep: Awaited<ReturnType<typeof compose>>['upkeep'];
  readonly anchors: Awaited<ReturnType<typeof compose>>['anchors'];
  request(path: string, options?: RequestOptions): Promise<Response>;
  json(path: string, options?: RequestOptions): Promise<{ status: number; body: Wire; headers: Headers }>;
  graphql(query: string, variables?: unknown, role?: Role | null): Promise<Wire>;
  stop(): Promise<void>;
};

/** JSON of an answer, as a test looks into it. */
// biome-ignore lint/suspicious/noExplicitAny: an assertion says what it is
export type Wire = any;

type RequestOptions = {
  readonly method?: string;
  readonly role?: Role | null;
  readonly body?: unknown;
  readonly headers?: Readonly<Record<string, string>>;
};

export async function startConsole(
  options: {
    readonly rateLimits?: Partial<RateLimitSettings>;
    readonly rehearsalEnabled?: boolean;
    /** A user `admin` with `adminPassword`. */
    readonly withAdmin?: boolean;
    /** One that a test holds up. */
    readonly passwords?: PasswordHasher;
    /** Another console of the same cluster. */
    readonly engine?: RecordedEngine;
    readonly oidc?: OidcConfig;
    readonly tls?: TlsFiles;
    readonly pages?: Pages;
    readonly explorerDirectory?: string;
    /** Puts files there that a console finds when it starts. */
    readonly prepare?: (dataDirectory: string) => Promise<void>;
  } = {},
): Promise<ConsoleFixture> {
  const dataDirectory = mkdtempSync(path.join(tmpdir(), 'rustydb-console-'));
  await options.prepare?.(dataDirectory);
  const logger = pino({ level: 'silent' });
  const engine = options.engine ?? new RecordedEngine();
  const composed = await compose({
    engine,
    dataDirectory,
    sessionSecret: 'a session secret for tests',
    secureCookies: options.tls !== undefined,
    oidc: options.oidc,
    breakGlassFile: path.join(dataDirectory, 'break-glass-token'),
    rateLimits: options.rateLimits,
    logger,
    passwords: options.passwords ?? cheapPasswords(),
    facts: {
      clusterId: engine.view.cluster.clusterId,
      clusterName: 'orders',
      rehearsalEnabled: options.rehearsalEnabled ?? true,
      appPassword: async () => 'app-password',
    },
  });
  const undeclared = watchCodes(composed.services.gate.metrics);
  const { accounts } = composed;
  if (options.withAdmin) {
    await accounts.createUser({ username: 'admin', password: adminPassword, role: 'admin', by: 'test' });
  }
  const keys = {} as Record<Role, string>;
  for (const role of ['viewer', 'operator', 'admin'] as const) {
    keys[role] = (await accounts.createApiKey({ name: role, role, expiresAt: null, by: 'test' })).secret;
  }
  const http = new ConsoleHttpServer({
    services: composed.services,
    tls: options.tls,
    oidc: composed.oidc,
    pages: options.pages ?? null,
    system: { metricsAnonymousOnLoopback: false },
    explorerDirectory: options.explorerDirectory,
    logger,
  });
  const url = `${options.tls ? 'https' : 'http'}://127.0.0.1:${await http.listen(0, '127.0.0.1')}`;

  const request = (address: string, { method = 'GET', role = 'viewer', body, headers = {} }: RequestOptions = {}) =>
    fetch(`${url}${address}`, {
      method,
      headers: {
        ...(role === null ? {} : { 'X-API-Key': keys[role] }),
        ...(body === undefined ? {} : { 'Content-Type': 'application/json' }),
        ...headers,
      },
      body: body === undefined ? undefined : typeof body === 'string' ? body : JSON.stringify(body),
    });
  return {
    engine,
    url,
    keys,
    dataDirectory,
    http,
    services: composed.services,
    upkeep: composed.upkeep,
    anchors: composed.anchors,
    request,
    async json(address, requestOptions) {
      const response = await request(address, requestOptions);
      const text = await response.text();
      return { status: response.status, body: text === '' ? null : JSON.parse(text), headers: response.headers };
    },
    async graphql(query, variables, role = 'viewer') {
      const response = await request('/graphql', { method: 'POST', role, body: { query, variables } });
      return response.json();
    },
    async stop() {
      await http.close();
      await composed.close();
      rmSync(dataDirectory, { recursive: true, force: true });
      if (undeclared.size > 0)
        throw new Error(`answered with codes that are not declared: ${[...undeclared].join(', ')}`);
    },
  };
}

/** The product's hash takes a processor for a tenth of a second, and some tests sign in a hundred times. */
export function cheapPasswords(): PasswordHasher {
  return new PasswordHasher({ N: 16, r: 1, p: 1 });
}

/** Of everything that tests call: the codes that a procedure answered with and does not name. */
function watchCodes(metrics: ApiMetrics): ReadonlySet<string> {
  const undeclared = new Set<string>();
  const observe = metrics.observe.bind(metrics);
  metrics.observe = (procedure, surface, code, ms) => {
    const definition = allProcedures.find((one) => one.name === procedure);
    // What went wrong inside is a fault, not an answer; tests provoke it.
    const known: readonly string[] = definition ? ['OK', 'INTERNAL', ...declaredErrors(definition)] : [code];
    if (!known.includes(code)) undeclared.add(`${procedure} ${code}`);
    observe(procedure, surface, code, ms);
  };
  return undeclared;
}
