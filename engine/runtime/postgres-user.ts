/**
 * Which user of the operating system PostgreSQL runs as where the installation runs as root: one of its own, so that neither another installation nor
 * another program that runs as `nobody` reaches its data. It needs no name: a number that nobody has is chosen once, before anything is made, and
 * kept in `postgres-user.json`. Installations of earlier releases stay with `nobody` until RUSTYDB_POSTGRES_USER=own is set at a start.
 */
import { spawnSync } from 'node:child_process';
import { randomInt } from 'node:crypto';
import { existsSync, readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { formats, newerFormat } from '../kernel/format-version';
import { replaceFile, systemFiles } from '../kernel/small-files';
import { hasName, type RunAs, sharedUser } from '../postgres/native';
import { processesIn } from '../postgres/processes';
import { StartError } from './data-directory';

/** First what no distribution, container or directory service hands out; then what a user namespace of 65,536 ids still has. */
const ranges = [
  [2_000_000_000, 2_100_000_000],
  [60_600, 61_100],
] as const;
const attempts = 5;

type Kept = RunAs & { readonly format?: number };

/** Null: our own user will do. `own`: also where an earlier release chose `nobody`. @throws StartError */
export function openPostgresUser(dataDirectory: string, own: boolean): RunAs | null {
  const shared = sharedUser();
  if (shared === null) return null;
  const file = join(dataDirectory, 'postgres-user.json');
  if (existsSync(file)) return read(file);
  const known = existsSync(join(dataDirectory, 'cluster.json'));
  if (known && !own) return shared;
  if (known) refuseWhileServersRun(dataDirectory);
  const chosen = choose();
  if (chosen === null) return shared;
  replaceFile(systemFiles, file, JSON.stringify({ format: formats.postgresUser.version, ...chosen }));
  return chosen;
}

function read(file: string): RunAs {
  let kept: Partial<Kept>;
  try {
    kept = JSON.parse(readFileSync(file, 'utf8')) as Partial<Kept>;
  } catch {
    kept = {};
  }
  const newer = newerFormat(file, 'postgresUser', kept.format);
  if (newer !== null) throw new StartError(newer);
  const { uid, gid } = kept;
  if (Number.isInteger(uid) && Number(uid) > 0 && Number.isInteger(gid) && Number(gid) > 0)
    return { uid: uid as number, gid: gid as number };
  throw new StartError(
    `${file} is damaged. It holds {"uid": …, "gid": …} of the user that owns PostgreSQL's data (see ls -ln in nodes/*/pgdata): write it anew.`,
  );
}

/** Tried, not assumed: a user namespace may not have the id. */
function choose(): RunAs | null {
  for (const [from, to] of ranges) {
    for (let attempt = 0; attempt < attempts; attempt++) {
      const id = randomInt(from, to);
      if (hasName(id)) continue;
      const tried = spawnSync('/bin/sh', ['-c', ':'], { uid: id, gid: id, cwd: '/', stdio: 'ignore', timeout: 10_000 });
      if (tried.status === 0) return { uid: id, gid: id };
    }
  }
  return null;
}

/** Their files can't be given to another user under them. */
function refuseWhileServersRun(dataDirectory: string): void {
  for (const nodes of ['nodes', 'nodes-are-here']
    .map((name) => join(dataDirectory, name))
    .filter((one) => existsSync(one)))
    for (const node of readdirSync(nodes)) {
      const [running] = processesIn(join(nodes, node, 'pgdata'));
      if (running === undefined) continue;
      throw new StartError(
        `PostgreSQL of ${node} still runs (process ${running}), and RUSTYDB_POSTGRES_USER=own gives its files to another user. Stop the installation, then start it with that variable.`,
      );
    }
}
