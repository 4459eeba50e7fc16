/**
 * The console process: `server.mjs <config.json>`. Holds no cluster state; it may be killed at any moment. Next runs in this process, behind
 * our surfaces. Exits non-zero with one sentence when it can't start.
 */
import { randomUUID } from 'node:crypto';
import { mkdirSync } from 'node:fs';
import { hostname } from 'node:os';
import { EngineConnection } from '@/engine/interconnect/engine-connection';
import { messageOf } from '@/engine/kernel/errors';
import { createLogger, type Logger } from '@/engine/kernel/log';
import { startTraceExport } from '@/engine/monitoring/trace-export';
import { ensureFirstAccounts } from './auth/first-start';
import { readOidcConfig } from './auth/oidc-config';
import { type Composed, compose } from './compose';
import { type ConsoleConfig, readConfig, readSecret } from './config/config';
import { ConnectedEngine } from './engine-client/connected-engine';
import { trustProxies } from './surfaces/client-address';
import { ConsoleHttpServer } from './surfaces/http-server';
import { mountPages } from './surfaces/pages';

const accountRetryMs = 500;

async function main(): Promise<void> {
  const config = readConfig(process.argv[2] ?? 'console.json');
  const logger = createLogger('console');
  const traces = await startTraceExport(
    { process: 'console', instance: hostname(), cluster: config.clusterId },
    logger,
  );
  trustProxies(config.trustedProxies ?? []);
  mkdirSync(config.dataDirectory, { recursive: true, mode: 0o700 });
  const engine = new ConnectedEngine(
    new EngineConnection({
      kind: 'console',
      name: randomUUID(),
      clusterId: config.clusterId,
      secret: readSecret(config.secretFile, 'The cluster secret'),
      seeds: config.seeds,
      logger,
    }),
    config.seeds,
    logger,
  );
  await engine.start();
  const composed = await compose({
    engine,
    dataDirectory: config.dataDirectory,
    sessionSecret: readSecret(config.sessionSecretFile, 'The session secret'),
    secureCookies: config.secureCookies ?? config.tls !== undefined,
    breakGlassFile: config.breakGlassFile,
    oidc: config.oidcFile === undefined ? undefined : readOidcConfig(config.oidcFile),
    rateLimits: config.rateLimits,
    logger,
    facts: {
      clusterId: config.clusterId,
      clusterName: config.clusterName,
      rehearsalEnabled: config.rehearsalEnabled,
      appPassword: async () => readSecret(config.appPasswordFile, "The password of role 'app'"),
    },
  });
  const pages = await mountPages({
    dev: config.dev ?? false,
    host: config.host,
    port: config.port,
    directory: config.appDirectory ?? process.cwd(),
  });
  const http = new ConsoleHttpServer({
    services: composed.services,
    oidc: composed.oidc,
    pages,
    system: { metricsAnonymousOnLoopback: config.metricsAnonymousOnLoopback ?? false },
    logger,
    tls: config.tls,
  });
  const port = await http.listen(config.port, config.host);
  logger.info({ host: config.host, port }, 'the console listens');
  const stopping = new AbortController();
  void makeFirstAccounts(config, engine, composed, logger, stopping.signal);
  const stop = async (signal: string) => {
    if (stopping.signal.aborted) return;
    stopping.abort();
    logger.info({ signal }, 'the console stops');
    await http.close();
    await composed.close();
    await engine.stop();
    await traces.stop();
    process.exit(0);
  };
  process.on('SIGTERM', () => void stop('SIGTERM'));
  process.on('SIGINT', () => void stop('SIGINT'));
  process.on('SIGHUP', () => http.reloadTls());
}

/** The control store may still be electing its first leader, so this goes on beside the rest until it is done. */
async function makeFirstAccounts(
  config: ConsoleConfig,
  engine: ConnectedEngine,
  composed: Composed,
  logger: Logger,
  signal: AbortSignal,
): Promise<void> {
  while (!signal.aborted) {
    try {
      await ensureFirstAccounts({
        engine,
        accounts: composed.accounts,
        adminPassword: readSecret(config.adminPasswordFile, 'The admin password'),
        apiKey: config.apiKeyFile === undefined ? null : readSecret(config.apiKeyFile, 'The API key'),
        logger,
      });
      return;
    } catch (error) {
      logger.debug({ err: error }, 'the first accounts are not there yet');
      await new Promise((resolve) => setTimeout(resolve, accountRetryMs).unref());
    }
  }
}

main().catch((error: unknown) => {
  console.error(`The console cannot start: ${startProblem(error)}`);
  process.exit(1);
});

function startProblem(error: unknown): string {
  const code = error instanceof Error && 'code' in error ? error.code : null;
  if (code === 'EADDRINUSE') return 'its port is in use; stop what listens there or set RUSTYDB_PORT';
  if (code === 'EACCES')
    return `access is denied (${messageOf(error)}); check the owner and mode of the data directory`;
  if (code === 'ENOSPC') return 'the disk is full; free space in the data directory';
  return messageOf(error);
}
