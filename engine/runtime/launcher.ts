/**
 * `npm start`: starts, watches and restarts the agents, the router and the console server of one installation, and stops all of them in order.
 * It decides nothing about the cluster; killing it stops nothing, and the next launcher adopts what still runs.
 */
import { existsSync } from 'node:fs';
import { join } from 'node:path';
import { messageOf } from '../kernel/errors';
import { createLogger, type Logger } from '../kernel/log';
import { lockDataDirectory, openDataDirectory, StartError } from './data-directory';
import { bundlePath, Installation } from './installation';
import { MembershipWatch } from './membership-watch';
import { openNativePostgres, reachableNodesDirectory } from './native-postgres';
import { isPortFree, openPortBook } from './ports';
import { ensureSecrets, readSecret } from './secrets';
import { type SettingsFromEnvironment, settingsFromEnvironment } from './start-settings';
import { SupervisedProcess } from './supervised-process';
import { defaultTopology, readTopology } from './topology';

const stopTimeoutMs = { server: 8_000, router: 5_000, agent: 45_000 } as const;

async function main(): Promise<void> {
  const settings = settingsFromEnvironment(process.env);
  const dataDirectory = openDataDirectory(settings.dataDirectory);
  const unlock = lockDataDirectory(dataDirectory);
  const logger = createLogger('launcher', {}, join(dataDirectory, 'logs', 'launcher.log'));
  const stopRequest = onStopSignal();
  const launched = await launch(settings, dataDirectory, logger);
  banner(settings, launched.installation, dataDirectory);
  await stopRequest;
  console.log('\nStopping: console, router, then the nodes …');
  await launched.stop();
  unlock();
  console.log('Stopped.');
}

type Launched = { readonly installation: Installation; stop(): Promise<void> };

async function launch(settings: SettingsFromEnvironment, dataDirectory: string, logger: Logger): Promise<Launched> {
  const native = openNativePostgres();
  const nodesDirectory = reachableNodesDirectory(dataDirectory, native);
  await assertConsolePortFree(settings, dataDirectory);
  const installation = new Installation({
    dataDirectory,
    nodesDirectory,
    host: '127.0.0.1',
    consoleHost: settings.host,
    consolePort: settings.port,
    topology: settings.topologyFile ? readTopology(settings.topologyFile) : defaultTopology,
    ports: await openPortBook(dataDirectory, '127.0.0.1'),
    secrets: ensureSecrets(dataDirectory, settings.secrets),
    native,
    rehearsalEnabled: settings.rehearsalEnabled,
  });

  const children = new Map<string, SupervisedProcess>();
  const startChild = (name: string, bundle: string, configFile: string, nodeArguments: readonly string[] = []) => {
    const child = new SupervisedProcess({
      name,
      script: bundlePath(bundle),
      configFile,
      dataDirectory,
      logger,
      nodeArguments,
      onFatal: (which) =>
        console.error(
          `! ${which} stopped: its last lines in ${join(dataDirectory, 'logs', `${which}.log`)} say why and what to do.`,
        ),
    });
    children.set(name, child);
    child.start();
  };

  const watch = new MembershipWatch({
    installation,
    logger,
    startAgent: async (place, all) => startChild(place.id, 'agent.mjs', await installation.prepareAgent(place, all)),
    stopAgent: async (node) => {
      await children.get(node)?.stop(stopTimeoutMs.agent);
      children.delete(node);
    },
    runningAgents: () => [...children.keys()].filter((name) => name !== 'router' && name !== 'server'),
    // New groups or nodes change what the router serves and where the console looks first.
    onNodes: async (nodes) => {
      await installation.prepareServer(nodes);
      await installation.prepareRouter(nodes);
    },
    routerPid: () => children.get('router')?.pid ?? null,
    secret: readSecret(join(dataDirectory, 'secrets', 'cluster-secret')),
  });

  const nodes = watch.knownNodes();
  for (const place of nodes) startChild(place.id, 'agent.mjs', await installation.prepareAgent(place, nodes));
  startChild('router', 'router.mjs', await installation.prepareRouter(nodes));
  startChild('server', 'server.mjs', await installation.prepareServer(nodes));
  await watch.start();

  return {
    installation,
    async stop() {
      await watch.stop();
      await children.get('server')?.stop(stopTimeoutMs.server);
      await children.get('router')?.stop(stopTimeoutMs.router);
      children.delete('server');
      children.delete('router');
      await Promise.all([...children.values()].map((child) => child.stop(stopTimeoutMs.agent)));
    },
  };
}

/** A console of ours that was adopted holds its port rightly; anyone else is an error the user must solve. */
async function assertConsolePortFree(settings: SettingsFromEnvironment, dataDirectory: string): Promise<void> {
  if (existsSync(join(dataDirectory, 'run', 'server.pid'))) return;
  if (await isPortFree(settings.host, settings.port)) return;
  throw new StartError(
    `Port ${settings.port} on ${settings.host} is in use. Stop what uses it, or choose another one with RUSTYDB_PORT.`,
  );
}

function onStopSignal(): Promise<void> {
  return new Promise((resolve) => {
    for (const name of ['SIGTERM', 'SIGINT', 'SIGHUP'] as const) process.on(name, () => resolve());
  });
}

function banner(settings: SettingsFromEnvironment, installation: Installation, dataDirectory: string): void {
  const groups = installation.topology.groups.map(
    (group) => `${group.name} (${group.nodes.map((node) => node.id).join(', ')})`,
  );
  console.log(
    [
      '',
      `  RustyDB Console   http://${settings.host}:${settings.port}`,
      `  Cluster           ${installation.topology.cluster_name}: ${groups.join(' · ')}`,
      `  Sign in           admin, password in ${join(dataDirectory, 'secrets', 'admin-password')}`,
      `  Databases         role app, password in ${join(dataDirectory, 'secrets', 'app-password')}`,
      `  Services          <group>-rw, <group>-ro: ports at /api/v1/gds/services and in ${join(dataDirectory, 'ports.json')}`,
      `  Logs              ${join(dataDirectory, 'logs')}`,
      '  Stop              Ctrl-C',
      '',
    ].join('\n'),
  );
}

main().then(
  () => process.exit(0),
  (error: unknown) => {
    console.error(
      error instanceof StartError || process.env.RUSTYDB_LOG_LEVEL !== 'debug'
        ? `RustyDB can't start: ${messageOf(error)}`
        : error,
    );
    process.exit(1);
  },
);
