/**
 * The router's process: `node router.mjs <configuration file>`. Exits 1 with one sentence when it can't start; SIGTERM and SIGINT end the
 * sessions with a message and then the process.
 */
import { readFileSync } from 'node:fs';
import { EngineConnection } from '../interconnect/engine-connection';
import { ClusterError, messageOf } from '../kernel/errors';
import { createLogger } from '../kernel/log';
import { readRouterConfig } from './config';
import { engineLink } from './engine-link';
import { Router } from './router';

function readSecret(path: string): string {
  try {
    return readFileSync(path, 'utf8').trim();
  } catch (error) {
    throw new ClusterError('INVALID_INPUT', `router: the cluster secret ${path} can't be read: ${messageOf(error)}`);
  }
}

async function run(): Promise<void> {
  const path = process.argv[2];
  if (path === undefined) throw new ClusterError('INVALID_INPUT', 'usage: router <configuration file>');
  const config = readRouterConfig(path);
  const logger = createLogger('router', { host: config.host });
  const connection = new EngineConnection({
    kind: 'router',
    name: config.host,
    clusterId: config.clusterId,
    secret: readSecret(config.secretFile),
    seeds: config.seeds,
    tls: config.interconnectTls ?? undefined,
    logger,
  });
  const router = new Router({ config, link: engineLink(connection), logger });
  await router.start();
  const services = router.status().services.map(({ service, host, port }) => ({ service, host, port }));
  logger.info({ services }, 'router listening');
  // A parent that started us with an IPC channel learns the ports without reading the log.
  process.send?.({ kind: 'router-listening', services });
  let stopping = false;
  const stop = (signal: NodeJS.Signals) => {
    if (stopping) return;
    stopping = true;
    logger.info({ signal }, 'router stopping');
    void router.stop().finally(() => process.exit(0));
  };
  process.on('SIGTERM', stop);
  process.on('SIGINT', stop);
}

run().catch((error: unknown) => {
  process.stderr.write(`${messageOf(error)}\n`);
  process.exit(1);
});
