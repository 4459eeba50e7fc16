/**
 * Which user of the operating system PostgreSQL runs as where the installation runs as root: one of its own, so that neither another installation nor
 * another program that runs as `nobody` reaches its data. It needs no name: a number that nobody has is chosen once, before anything is made, and
 * kept in `postgres-user.json`. Where that file is gone, whoever owns the data is the user; so an installation of an earlier release stays with `nobody`.
 */
import { spawnSync } from 'node:child_process';
import { randomInt } from 'node:crypto';
import { existsSync, lstatSync, readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { formats, newerFormat } from '../kernel/format-version';
import { replaceFile, systemFiles } from '../kernel/small-files';
import { hasName, type RunAs, sharedUser } from '../postgres/native';
import { StartError } from './data-directory';

/** First what no distribution, container or directory service hands out; then what a user namespace of 65,536 ids still has. */
const ranges = [
  [2_000_000_000, 2_100_000_000],
  [60_600, 61_100],
] as const;
const attempts = 5;

type Kept = RunAs & { readonly format?: number };

/** Null: our own user will do. @throws StartError */
export function openPostgresUser(dataDirectory: string): RunAs | null {
  const shared = sharedUser();
  if (shared === null) return null;
  const file = join(dataDirectory, 'postgres-user.json');
  if (existsSync(file)) return read(file);
  const known = existsSync(join(dataDirectory, 'cluster.json'));
  const user = known ? (ownerOfData(dataDirectory, shared) ?? shared) : choose();
  if (user === null) {
    console.error(
      '! No user id without a name can be used here: PostgreSQL runs as nobody, whom other programs share.',
    );
    return shared;
  }
  if (user.uid !== shared.uid)
    replaceFile(systemFiles, file, JSON.stringify({ format: formats.postgresUser.version, ...user }));
  return user;
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

/** Root made the directory and gave it away; nobody else can. Null: there is no data, or it is the shared user's. */
function ownerOfData(dataDirectory: string, shared: RunAs): RunAs | null {
  const owners = new Map<number, RunAs>();
  for (const nodes of ['nodes', 'nodes-are-here']
    .map((name) => join(dataDirectory, name))
    .filter((one) => existsSync(one)))
    for (const node of readdirSync(nodes)) {
      const found = lstatSync(join(nodes, node, 'pgdata'), { throwIfNoEntry: false });
      if (found?.isDirectory() && found.uid !== 0) owners.set(found.uid, { uid: found.uid, gid: found.gid });
    }
  if (owners.size > 1)
    throw new StartError(
      `The data of the nodes in ${dataDirectory} belongs to different users (${[...owners.keys()].join(', ')}), and postgres-user.json, which says whose it is, is gone. Give all of it to one of them (chown -R), then write {"uid": …, "gid": …} into that file.`,
    );
  const [owner] = owners.values();
  return owner === undefined || owner.uid === shared.uid ? null : owner;
}
