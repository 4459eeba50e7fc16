/**
 * `npm start`: starts, watches and restarts the agents, the router and the console server of one installation, and stops all of them in order.
 * It decides nothing about the cluster; killing it stops nothing, and the next launcher adopts what still runs.
 */
import { existsSync, readdirSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { isDiskFull } from '../kernel/disk';
import { messageOf } from '../kernel/errors';
import { createLogger, type Logger } from '../kernel/log';
import { processesIn } from '../postgres/processes';
import { olderBundleTrouble } from './bundle-release';
import { secretVariables } from './core/child-environment';
import { lockDataDirectory, openDataDirectory, readMark, StartError } from './data-directory';
import { forgetSecrets } from './forget-secrets';
import { bundlePath, Installation, type NodePlace } from './installation';
import { stopLeftGuardian } from './left-guardians';
import { MembershipWatch } from './membership-watch';
import { openNativePostgres, reachableNodesDirectory } from './native-postgres';
import { DamagedIdentity, readIdentity } from './node-identity';
import { refuseForeignData } from './node-places';
import { openPortBook, portTrouble } from './ports';
import { openPostgresUser } from './postgres-user';
import { ensureSecrets, readSecret } from './secrets';
import { type SettingsFromEnvironment, settingsFromEnvironment } from './start-settings';
import { lastWords, StoppedNodes } from './stopped-nodes';
import { SupervisedProcess } from './supervised-process';
import { defaultTopology, readTopology } from './topology';

const stopTimeoutMs = { server: 8_000, router: 5_000, agent: 45_000, everyAgent: 70_000 } as const;

/**
 * An agent's thread renews a lease. Emptying a young generation of the usual 16 MB held it for up to 50 ms while a store of 20 MB was written
 * (`npm run bench:stalls`), and the first stack that was read with source maps for 0.6 s and more: its bundle is readable without them.
 */
function nodeArguments(bundle: string): readonly string[] {
  return bundle === 'agent.mjs' ? ['--max-semi-space-size=2'] : ['--enable-source-maps'];
}

async function main(): Promise<void> {
  const settings = settingsFromEnvironment(process.env);
  forgetSecrets(secretVariables);
  const dataDirectory = openDataDirectory(settings.dataDirectory);
  const unlock = lockDataDirectory(dataDirectory);
  const logger = createLogger('launcher', {}, join(dataDirectory, 'logs', 'launcher.log'));
  const stopRequest = onStopSignal();
  const launched = await launch(settings, dataDirectory, logger);
  process.on('SIGUSR2', () => {
    console.log('\nThe launcher leaves. Everything else goes on, and the next launcher takes it over.');
    unlock();
    process.exit(0);
  });
  banner(settings, launched.installation, dataDirectory);
  await stopRequest;
  console.log('\nStopping: console, router, then the nodes …');
  await launched.stop();
  unlock();
  console.log('Stopped.');
}

type Launched = { readonly installation: Installation; stop(): Promise<void> };

async function launch(settings: SettingsFromEnvironment, dataDirectory: string, logger: Logger): Promise<Launched> {
  const native = openNativePostgres(openPostgresUser(dataDirectory));
  refuseForeignData(dataDirectory, native.runAs);
  const nodesDirectory = reachableNodesDirectory(dataDirectory, native);
  await assertConsolePortFree(settings, dataDirectory);
  const installation = new Installation({
    dataDirectory,
    nodesDirectory,
    host: '127.0.0.1',
    consoleHost: settings.host,
    consolePort: settings.port,
    topology: settings.topologyFile ? readTopology(settings.topologyFile) : defaultTopology,
    ports: await openPortBook(dataDirectory, '127.0.0.1', (key) => isHeldByOurs(key, dataDirectory, nodesDirectory)),
    secrets: ensureSecrets(dataDirectory, settings.secrets, existsSync(join(dataDirectory, 'cluster.json'))),
    native,
    rehearsalEnabled: settings.rehearsalEnabled,
    logBytes: settings.logBytes,
    routerProcesses: settings.routerProcesses,
    oidcFile: settings.oidcFile,
    consoleTls: settings.consoleTls,
    secureCookies: settings.secureCookies,
    trustedProxies: settings.trustedProxies,
    rateLimits: settings.rateLimits,
  });

  const children = new Map<string, SupervisedProcess>();
  const stopped = new StoppedNodes((node) => installation.nodeDirectory(node));
  const startChild = (
    name: string,
    bundle: string,
    configFile: string,
    node: { readonly directory: string; readonly prepare: () => Promise<unknown> } | null = null,
  ) => {
    const child = new SupervisedProcess({
      name,
      script: bundlePath(bundle),
      configFile,
      dataDirectory,
      logger,
      nodeArguments: nodeArguments(bundle),
      ...(node === null
        ? {}
        : { prepare: node.prepare, trouble: () => olderProgram(bundlePath(bundle), node.directory) }),
      onTrouble: (which, sentence) => {
        console.error(`! ${which} can't start. ${sentence}`);
        stopped.note(which, sentence);
      },
      onFatal: (which) => {
        const log = join(dataDirectory, 'logs', `${which}.log`);
        const sentence = lastWords(log) ?? `Its last lines in ${log} say why and what to do.`;
        console.error(`! ${which} stopped. ${sentence}`);
        if (bundle === 'agent.mjs') stopped.note(which, sentence);
      },
    });
    children.set(name, child);
    child.start();
  };

  /** One node that can't start never takes the others along. */
  const startAgent = async (place: NodePlace, all: readonly NodePlace[]) => {
    stopped.forget(place.id);
    try {
      // Its disk may be another one by the next start: then it is a new member, and never votes again under its old name.
      const prepare = () =>
        installation.prepareAgent(place, watch.knownNodes()).catch((error: unknown) => {
          // With all that it had the agent starts on a full disk, and waits for room by itself.
          if (!isDiskFull(error) || !hasIdentity(installation.nodeDirectory(place.id))) throw error;
        });
      const configFile = await installation.prepareAgent(place, all);
      startChild(place.id, 'agent.mjs', configFile, { directory: installation.nodeDirectory(place.id), prepare });
    } catch (error) {
      console.error(`! ${place.id} can't start. ${messageOf(error)}`);
      logger.error({ child: place.id, error: messageOf(error) }, 'could not be prepared');
      stopped.note(place.id, messageOf(error));
    }
  };

  const watch = new MembershipWatch({
    installation,
    logger,
    stopped,
    startAgent,
    stopAgent: async (node) => {
      stopped.forget(node);
      await children.get(node)?.stop(stopTimeoutMs.agent);
      children.delete(node);
    },
    runningAgents: () => {
      const started = [...children.keys()].filter((name) => name !== 'router' && name !== 'server');
      return [...new Set([...started, ...stopped.list().map(({ node }) => node)])];
    },
    // New groups or nodes change what the router serves and where the console looks first.
    onNodes: async (nodes) => {
      await installation.prepareServer(nodes);
      await installation.prepareRouter(nodes);
    },
    routerPid: () => children.get('router')?.pid ?? null,
    secret: readSecret(join(dataDirectory, 'secrets', 'cluster-secret')),
  });

  const nodes = watch.knownNodes();
  for (const place of nodes) await startAgent(place, nodes);
  if (nodes.every((place) => stopped.has(place.id))) throw new StartError('None of the nodes can start, see above.');
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
      // All at once: each agent of a standby waits for its primary by itself.
      await Promise.all([...children.values()].map((child) => child.stop(stopTimeoutMs.everyAgent, 'SIGINT')));
      // Each agent has let its guardian go; one whose agent had ended before still stands there.
      const left = watch.knownNodes().map((place) => ({
        nodeDirectory: installation.nodeDirectory(place.id),
        agentConfigFile: join(dataDirectory, 'run', `${place.id}.json`),
      }));
      await Promise.all(left.map((place) => stopLeftGuardian(place, logger)));
    },
  };
}

/** The code may have been replaced by an older one since this launcher began. A directory whose disk was lost says nothing; its agent tells what to do. */
function olderProgram(script: string, nodeDirectory: string): string | null {
  try {
    const { level, release } = readIdentity(nodeDirectory);
    return olderBundleTrouble(dirname(script), nodeDirectory, level, release);
  } catch (error) {
    if (error instanceof DamagedIdentity) return null;
    return messageOf(error);
  }
}

function hasIdentity(nodeDirectory: string): boolean {
  try {
    return readIdentity(nodeDirectory) !== null && readdirSync(join(nodeDirectory, 'raft')).length > 0;
  } catch {
    return false;
  }
}

/** Processes that outlived the last launcher hold their ports rightly. Port names are `<node>.<what>` and `service.<name>`. */
function isHeldByOurs(key: string, dataDirectory: string, nodesDirectory: string): boolean {
  const [owner = '', what = ''] = key.split('.');
  const runs = (name: string) => readMark(join(dataDirectory, 'run', `${name}.pid`)) !== null;
  if (owner === 'service') return runs('router');
  return runs(owner) || (what === 'postgres' && processesIn(join(nodesDirectory, owner, 'pgdata')).length > 0);
}

/** A console of ours that was adopted holds its port rightly; anyone else is an error the user must solve. */
async function assertConsolePortFree(settings: SettingsFromEnvironment, dataDirectory: string): Promise<void> {
  if (readMark(join(dataDirectory, 'run', 'server.pid')) !== null) return;
  const code = await portTrouble(settings.host, settings.port);
  if (code === null) return;
  const remedy: Readonly<Record<string, string>> = {
    EADDRINUSE: 'is in use. Stop what uses it, or choose another one with RUSTYDB_PORT.',
    EACCES: 'may not be opened by this user. Choose one above 1023 with RUSTYDB_PORT.',
    EADDRNOTAVAIL: 'can\u2019t be opened: this host has no such address. Set RUSTYDB_HOST to one of its own.',
  };
  throw new StartError(
    `Port ${settings.port} on ${settings.host} ${remedy[code] ?? `can\u2019t be opened (${code}). Check RUSTYDB_HOST and RUSTYDB_PORT.`}`,
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
      `  RustyDB Console   ${settings.consoleTls ? 'https' : 'http'}://${settings.host}:${settings.port}`,
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
