/**
 * The router's process: `node router.mjs <configuration file>`. Exits 1 with one sentence when it can't start; SIGTERM and SIGINT end the
 * sessions with a message and then the process. With `processes` above 1 it starts that many of itself, which serve.
 */
import { readFileSync } from 'node:fs';
import { EngineConnection } from '../interconnect/engine-connection';
import { ClusterError, messageOf } from '../kernel/errors';
import { createLogger } from '../kernel/log';
import { readRouterConfig } from './config';
import { partOf } from './core/several';
import { engineLink } from './engine-link';
import { defaultLimits } from './limits';
import { Router } from './router';
import { alone, FirstProcess, siblingsOf, workerIndex } from './siblings';

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
  const processes = config.processes ?? 1;
  const index = workerIndex();
  const logger = createLogger('router', { host: config.host, ...(index === null ? {} : { index }) });
  if (processes > 1 && index === null) return new FirstProcess(processes, logger).start();
  const limits = partOf(defaultLimits, processes);
  const connection = new EngineConnection({
    kind: 'router',
    // Agents know a peer by its name.
    name: index ? `${config.host}.${index}` : config.host,
    clusterId: config.clusterId,
    secret: readSecret(config.secretFile),
    seeds: config.seeds,
    tls: config.interconnectTls ?? undefined,
    logger,
  });
  const siblings = index === null ? alone : siblingsOf(index, limits.cancelMs);
  const router = new Router({ config, link: engineLink(connection), logger, limits, siblings });
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
