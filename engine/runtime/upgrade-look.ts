/** What an upgrade has to know of this host and its cluster: which process is of which release, by the marks of the launcher, and the live view. */
import { randomUUID } from 'node:crypto';
import { existsSync, readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import type { ClusterView } from '../cluster/model';
import { EngineConnection } from '../interconnect/engine-connection';
import type { Logger } from '../kernel/log';
import { ownAnnouncement } from '../kernel/release';
import { guardianVersion } from '../postgres/guardian-protocol';
import type { RunningProcess, UpgradeSituation } from './core/upgrade-plan';
import { readMark, StartError } from './data-directory';
import type { RouterConfig } from './process-config';
import { readSecret } from './secrets';

const viewTimeoutMs = 10_000;

/** @throws StartError when there is no installation, or nothing of it runs. */
export async function openDoor(dataDirectory: string, logger: Logger): Promise<EngineConnection> {
  const file = join(dataDirectory, 'run', 'router.json');
  if (!existsSync(file))
    throw new StartError(
      `${dataDirectory} holds no installation that ran once. Set RUSTYDB_DATA_DIR to its data directory.`,
    );
  const config = JSON.parse(readFileSync(file, 'utf8')) as RouterConfig;
  const connection = new EngineConnection({
    kind: 'launcher',
    name: `upgrade:${randomUUID()}`,
    clusterId: config.clusterId,
    secret: readSecret(config.secretFile),
    seeds: config.seeds,
    logger,
  });
  await connection.start();
  return connection;
}

export function processMark(dataDirectory: string, name: string): RunningProcess | null {
  const mark = readMark(join(dataDirectory, 'run', `${name}.pid`));
  return mark && { name, pid: mark.pid, release: mark.release, level: mark.level };
}

function runningProcesses(dataDirectory: string): readonly RunningProcess[] {
  const names = readdirSync(join(dataDirectory, 'run')).flatMap((name) =>
    name.endsWith('.pid') ? [name.slice(0, -'.pid'.length)] : [],
  );
  return names.sort().flatMap((name) => processMark(dataDirectory, name) ?? []);
}

export async function lookAround(
  connection: EngineConnection,
  dataDirectory: string,
  only: readonly string[] | null,
): Promise<UpgradeSituation> {
  const view: ClusterView = await connection.requestLeader('view.get', {}, viewTimeoutMs);
  const all = runningProcesses(dataDirectory);
  return {
    own: { ...ownAnnouncement, guardianVersion },
    launcher: all.find(({ name }) => name === 'launcher') ?? null,
    processes: all.filter(({ name }) => name !== 'launcher'),
    view,
    only,
  };
}
