/**
 * An installation as its user meets it: started by `npm start`, in the way of another one, with a full disk, with another cluster's data in a node's
 * directory, and stopped by a signal. What can't work says what to do, and takes nobody else along. One cluster, one story, in order.
 */
import { execFileSync, spawn, spawnSync } from 'node:child_process';
import {
  closeSync,
  cpSync,
  existsSync,
  mkdirSync,
  mkdtempSync,
  openSync,
  rmSync,
  statSync,
  writeFileSync,
  writeSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { pollUntil, withTimeout } from '../kernel/async';
import { distDirectory, query, RealCluster } from './real-cluster';

const topology = `
cluster_name: small
groups:
  - name: alpha
    nodes:
      - { id: node-1 }
      - { id: node-2 }
  - name: beta
    commit_mode: asynchronous
    nodes:
      - { id: node-3 }
`;
const diskMegabytes = 320;

let root: string;
let cluster: RealCluster;
let onDiskOfItsOwn: string | null = null;

beforeAll(async () => {
  root = mkdtempSync(join(tmpdir(), 'rustydb-installation-'));
  const file = join(root, 'topology.yaml');
  writeFileSync(file, topology);
  const dataDirectory = join(root, 'data');
  mkdirSync(dataDirectory, { mode: 0o755 });
  execFileSync('chmod', ['755', root]);
  cluster = await RealCluster.start({
    topology: file,
    dataDirectory,
    throughNpm: true,
    through: 'rest',
    prepare: (made) => {
      const directory = made.nodeDirectory('node-2');
      onDiskOfItsOwn = ownDisk(directory) ? directory : null;
    },
  });
  await cluster.healed();
  for (const group of ['alpha', 'beta'])
    await query(await cluster.service(`${group}-rw`), 'create table told (id bigserial primary key, filler text)');
});
afterAll(async () => {
  await cluster?.destroy(true);
  if (onDiskOfItsOwn) execFileSync('umount', [onDiskOfItsOwn]);
  rmSync(root, { recursive: true, force: true });
});

/** A small file system for one node; false where this user may not make one. */
function ownDisk(directory: string): boolean {
  if (process.getuid?.() !== 0 || process.platform !== 'linux') return false;
  mkdirSync(directory, { recursive: true });
  execFileSync('mount', ['-t', 'tmpfs', '-o', `size=${diskMegabytes}m,mode=755`, 'tmpfs', directory]);
  return true;
}

/** Writes until there is no space left. */
function fillDisk(path: string): void {
  const file = openSync(path, 'w');
  const block = Buffer.alloc(65_536);
  try {
    for (let left = diskMegabytes << 20; left > 0; left -= block.length) writeSync(file, block);
  } catch (error) {
    if (!(error instanceof Error && 'code' in error && error.code === 'ENOSPC')) throw error;
  } finally {
    closeSync(file);
  }
}

type Node = { node_id: string; status: string; status_reason: string };
const nodeNow = async (id: string) =>
  (await cluster.api<Node[]>('GET', '/cluster/nodes')).body.find((node) => node.node_id === id)!;

async function writes(group: string): Promise<void> {
  await pollUntil(
    async () => {
      await query(
        { ...(await cluster.service(`${group}-rw`)), statement_timeout: 5_000 },
        'insert into told default values',
      );
      return true;
    },
    { timeoutMs: 20_000, intervalMs: 50, what: `${group} takes writes` },
  );
}

/** A start that can't work, to its end. */
async function failingStart(
  environment: Readonly<Record<string, string>>,
): Promise<{ code: number | null; said: string }> {
  const child = spawn(process.execPath, [join(distDirectory(), 'launcher.mjs')], {
    stdio: ['ignore', 'pipe', 'pipe'],
    env: { ...process.env, ...cluster.environment(), ...environment },
  });
  let said = '';
  for (const stream of [child.stdout, child.stderr]) stream.on('data', (chunk: Buffer) => (said += chunk.toString()));
  const ended = new Promise<number | null>((done) => child.once('close', (code) => done(code)));
  return {
    code: await withTimeout(ended, 20_000, 'a start that can’t work').finally(() => child.kill('SIGKILL')),
    said,
  };
}

// Only root has rights that PostgreSQL's user lacks: without root this is left out.
it.runIf(process.getuid?.() === 0)('PostgreSQL’s user can exchange nothing that root relies on', () => {
  const { uid, gid } = statSync(join(cluster.nodeDirectory('node-1'), 'pgdata'));
  const may = (command: string, path: string) =>
    spawnSync('/bin/sh', ['-c', command, 'sh', path], { uid, gid, cwd: '/' }).status === 0;
  const directory = cluster.nodeDirectory('node-1');
  for (const name of ['raft', 'identity.json', 'guardian.sock', 'guardian.log', 'pgdata', 'log', 'run']) {
    const path = join(directory, name);
    expect(existsSync(path), name).toBe(true);
    expect(may('mv "$1" "$1.moved"', path), `moves ${name}`).toBe(false);
  }
  for (const name of ['new', join('raft', 'new')]) expect(may(': > "$1"', join(directory, name)), name).toBe(false);
  expect(may('test -r "$1" || test -w "$1"', join(directory, 'guardian.sock'))).toBe(false);
  for (const name of ['pgdata', 'log', 'run'])
    expect(may(': > "$1/mine" && rm "$1/mine"', join(directory, name)), name).toBe(true);
});

describe('another start', () => {
  it('on the same data directory is refused, and harms nothing', async () => {
    const { code, said } = await failingStart({});
    expect(code).toBe(1);
    expect(said).toMatch(/already runs on the data directory .*launcher pid \d+/);
    await writes('alpha');
  });

  it('on a port in use says whose setting to change', async () => {
    const directory = join(root, 'other');
    const { code, said } = await failingStart({ RUSTYDB_DATA_DIR: directory });
    expect(code).toBe(1);
    expect(said).toContain(`Port ${cluster.port} on 127.0.0.1 is in use`);
    expect(said).toContain('RUSTYDB_PORT');
  });
});

it('refuses to remove a node when the control store would lose its majority', async () => {
  const agent = cluster.agentProcess('node-3');
  process.kill(agent, 'SIGSTOP');
  try {
    await pollUntil(async () => (await nodeNow('node-3')).status === 'unhealthy' || undefined, {
      timeoutMs: 15_000,
      intervalMs: 50,
      what: 'the silence is noticed',
    });
    const { status, body } = await cluster.api<{
      code: string;
      details: { reasons: { rule: string; measured: string }[] };
    }>('DELETE', '/cluster/nodes/node-2');
    expect([status, body.code]).toEqual([409, 'CONFLICT']);
    expect(body.details.reasons).toContainEqual(
      expect.objectContaining({ rule: 'control-majority-kept', measured: '1 of 2 remaining voters answer' }),
    );
  } finally {
    process.kill(agent, 'SIGCONT');
  }
  await cluster.healed();
  expect((await cluster.nodes()).map((node) => node.node_id)).toContain('node-2');
});

it.runIf(process.getuid?.() === 0 && process.platform === 'linux')(
  'goes on when the disk of one node is full, and says what to do',
  async () => {
    const filler = join(onDiskOfItsOwn!, 'filler');
    fillDisk(filler);
    let changes = 0;
    const tells = async () => /Free space there/.test(JSON.stringify(await nodeNow('node-2')));
    await pollUntil(
      async () => {
        // Each change is a record that node-2 has to write.
        await cluster.api('PUT', '/cluster/config', { cluster_name: `small-${++changes}` });
        return (await tells()) || undefined;
      },
      { timeoutMs: 30_000, intervalMs: 100, what: 'node-2 says that its disk is full' },
    );
    for (const group of ['alpha', 'beta']) await writes(group);
    expect(changes).toBeGreaterThan(0);
    rmSync(filler);
    // By itself: neither the node nor its agent has to be started again.
    await pollUntil(async () => !(await tells()) || undefined, {
      timeoutMs: 30_000,
      intervalMs: 100,
      what: 'node-2 goes on when there is room',
    });
    await cluster.healed();
  },
);

it('stops everything on SIGTERM to npm, with exit code 0 and nothing left', async () => {
  expect(await cluster.stop()).toBe(0);
  expect(cluster.allProcesses()).toEqual([]);
  expect(cluster.output).toContain('Stopped.');
});

it('refuses another cluster’s data in a node’s directory while the others serve', async () => {
  const directory = join(cluster.nodeDirectory('node-2'), 'pgdata');
  rmSync(directory, { recursive: true });
  cpSync(join(cluster.nodeDirectory('node-3'), 'pgdata'), directory, { recursive: true });
  execFileSync('chown', ['-R', '--reference', join(cluster.nodeDirectory('node-1'), 'pgdata'), directory]);
  await cluster.launch();
  const refused = await pollUntil(
    async () => {
      const node = await nodeNow('node-2');
      return node.status_reason.includes('belongs to another database system') ? node : undefined;
    },
    { timeoutMs: 30_000, intervalMs: 100, what: 'node-2 refuses what it finds' },
  );
  expect(refused.status).not.toBe('healthy');
  expect(refused.status_reason).toContain(`Move ${directory} away`);
  for (const group of ['alpha', 'beta']) await writes(group);
  // It does what the sentence says.
  rmSync(directory, { recursive: true });
  await cluster.healed();
});
