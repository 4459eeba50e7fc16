/**
 * As root: PostgreSQL runs as a user of the installation's own, known also when the file that says so is lost. An installation that an earlier release made,
 * with everything of PostgreSQL owned by nobody, keeps that user. Both have their rows.
 */
import { chownSync, lstatSync, mkdtempSync, readdirSync, readFileSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { sharedUser } from '../postgres/native';
import { query } from './member-check';
import { RealCluster } from './real-cluster';

const isRoot = process.getuid?.() === 0;
const nodes = ['u-1', 'u-2'] as const;
const forPostgres = ['pgdata', 'log', 'run', 'sight', 'private_hba.conf', 'replication.pgpass'];

let cluster: RealCluster;
let directory: string;
beforeAll(async () => {
  directory = mkdtempSync(join(tmpdir(), 'rustydb-own-user-'));
  writeFileSync(join(directory, 'topology.yaml'), 'groups:\n  - { name: alpha, nodes: [{ id: u-1 }, { id: u-2 }] }\n');
  cluster = await RealCluster.start({ topology: join(directory, 'topology.yaml'), through: 'rest' });
}, 180_000);
afterAll(async () => {
  await cluster?.destroy();
  rmSync(directory, { recursive: true, force: true });
}, 120_000);

const kept = () => join(cluster.dataDirectory, 'postgres-user.json');
const owner = (node: string) => statSync(join(cluster.nodeDirectory(node), 'pgdata')).uid;
const running = (node: string) => new Set(cluster.postgresProcesses(node).map((pid) => statSync(`/proc/${pid}`).uid));

/** What an earlier release would have left. */
function giveAll(path: string, uid: number): void {
  const found = lstatSync(path, { throwIfNoEntry: false });
  if (!found || found.uid === 0) return;
  if (found.isDirectory()) for (const name of readdirSync(path)) giveAll(join(path, name), uid);
  if (!found.isSymbolicLink()) chownSync(path, uid, uid);
}

async function rows(): Promise<number> {
  const [row] = await query<{ count: number }>(
    await cluster.service('alpha-rw'),
    'SELECT count(*)::int AS count FROM own_user',
  );
  return row!.count;
}

describe.runIf(isRoot)('the user that PostgreSQL runs as', () => {
  it('is neither root nor nobody, and owns what is PostgreSQL’s', async () => {
    await cluster.healed();
    const { uid } = JSON.parse(readFileSync(kept(), 'utf8')) as { uid: number };
    expect([0, sharedUser()!.uid]).not.toContain(uid);
    for (const node of nodes) expect([owner(node), ...running(node)], node).toEqual([uid, uid]);
    await query(await cluster.service('alpha-rw'), 'CREATE TABLE own_user AS SELECT generate_series(1, 1000)');
    await cluster.healed();
  });

  it('is known by the data where the file that names it is lost', async () => {
    const { uid } = JSON.parse(readFileSync(kept(), 'utf8')) as { uid: number };
    await cluster.stop();
    rmSync(kept());
    await cluster.launch();
    await cluster.healed();
    for (const node of nodes) expect([owner(node), ...running(node)], node).toEqual([uid, uid]);
    expect(await rows()).toBe(1000);
  });

  it('stays nobody where an earlier release chose it', async () => {
    await cluster.stop();
    const nobody = sharedUser()!.uid;
    for (const node of nodes) for (const name of forPostgres) giveAll(join(cluster.nodeDirectory(node), name), nobody);
    rmSync(kept());
    await cluster.launch();
    await cluster.healed();
    for (const node of nodes) expect([owner(node), ...running(node)], node).toEqual([nobody, nobody]);
    expect(await rows()).toBe(1000);
  });
});
