/** The scripts of docs/how-to/automate.md, executed as they stand there against a real cluster, with the built rustydbctl. */
import { spawn } from 'node:child_process';
import { chmodSync, mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { delimiter, join } from 'node:path';
import { afterAll, beforeAll, expect, it } from 'vitest';
import { pollUntil } from '@/engine/kernel/async';
import { distDirectory, RealCluster } from '@/engine/testing/real-cluster';

const root = join(import.meta.dirname, '..');
const page = readFileSync(join(root, 'docs/how-to/automate.md'), 'utf8');
const topology = `
cluster_name: scripts
groups:
  - name: alpha
    nodes:
      - { id: node-1 }
      - { id: node-2 }
`;

let cluster: RealCluster;
let directory: string;
let scripts: ReadonlyMap<string, readonly string[]>;

beforeAll(async () => {
  // Inside the repository, so that TypeScript finds its loader.
  directory = mkdtempSync(join(root, 'node_modules', '.how-to-'));
  mkdirSync(join(directory, 'bin'));
  writeFileSync(join(directory, 'package.json'), '{"type": "module"}');
  writeFileSync(
    join(directory, 'bin', 'rustydbctl'),
    `#!/bin/sh\nexec "${process.execPath}" "${join(distDirectory(), 'rustydbctl.mjs')}" "$@"\n`,
  );
  chmodSync(join(directory, 'bin', 'rustydbctl'), 0o755);
  writeFileSync(join(directory, 'topology.yaml'), topology);
  scripts = writeScripts();
  cluster = await RealCluster.start({ topology: join(directory, 'topology.yaml'), through: 'rest' });
  await cluster.healed();
});
afterAll(async () => {
  await cluster?.destroy();
  rmSync(directory, { recursive: true, force: true });
});

/** File name to its arguments. Shell scripts get what the how-tos' own page says to have. */
function writeScripts(): ReadonlyMap<string, readonly string[]> {
  const readme = readFileSync(join(root, 'docs/how-to/README.md'), 'utf8');
  const shell = /^api\(\) .*\nA=.*$/m.exec(readme)?.[0];
  if (!shell) throw new Error('docs/how-to/README.md has lost its shell functions');
  const found = [...page.matchAll(/<!-- executed: (\S+)([^>]*) -->\n```(?:sh|ts)\n([\s\S]*?)```/g)];
  return new Map(
    found.map(([, name, words, text]) => {
      writeFileSync(join(directory, name!), name!.endsWith('.sh') ? `set -euo pipefail\n${shell}\n${text}` : text!);
      return [name!, words!.trim() === '' ? [] : words!.trim().split(' ')];
    }),
  );
}

function run(name: string): Promise<{ code: number | null; output: string }> {
  const file = join(directory, name);
  const [command, words] = name.endsWith('.sh') ? ['bash', [file]] : [process.execPath, ['--import', 'tsx', file]];
  const child = spawn(command as string, [...words, ...scripts.get(name)!], {
    cwd: root,
    env: {
      ...process.env,
      PATH: `${join(directory, 'bin')}${delimiter}${process.env.PATH}`,
      HOME: directory,
      RUSTYDB: cluster.url,
      RUSTYDB_URL: cluster.url,
      RUSTYDB_API_KEY: cluster.apiKey,
    },
    stdio: ['ignore', 'pipe', 'pipe'],
  });
  let output = '';
  for (const stream of [child.stdout, child.stderr]) stream.on('data', (chunk: Buffer) => (output += chunk.toString()));
  return new Promise((resolve) => child.once('close', (code) => resolve({ code, output })));
}

async function primary(): Promise<string> {
  const response = await fetch(`${cluster.url}/api/v1/cluster/topology`, { headers: { 'X-API-Key': cluster.apiKey } });
  const topologyNow = (await response.json()) as { groups: { primary: string }[] };
  return topologyNow.groups[0]!.primary;
}

/** Until the console has a reader of events. */
function listening(): Promise<true> {
  return pollUntil(
    async () => {
      const response = await fetch(`${cluster.url}/metrics`, { headers: { 'X-API-Key': cluster.apiKey } });
      return /streams[a-z_]*\{[^}]*sse[^}]*\} [1-9]/.test(await response.text()) || undefined;
    },
    { what: 'a stream is open', timeoutMs: 20_000, intervalMs: 100 },
  );
}

it('has every script of the page', () => {
  expect([...scripts.keys()].sort()).toEqual([
    'follow.sh',
    'switch-over-cli.sh',
    'switch-over.sh',
    'switch-over.ts',
    'who-serves.sh',
  ]);
});

it.each(['switch-over.sh', 'switch-over-cli.sh', 'switch-over.ts'])('%s moves the primary', async (name) => {
  const before = await primary();
  const { code, output } = await run(name);
  expect(code, output).toBe(0);
  expect(output).toContain('succeeded');
  expect(await primary()).not.toBe(before);
  await cluster.healed();
});

it('follow.sh tells a failover and ends with it', async () => {
  const following = run('follow.sh');
  await listening();
  const { code, output } = await run('switch-over-cli.sh');
  expect(code, output).toBe(0);
  const followed = await following;
  await cluster.healed();
  expect(followed.code, followed.output).toBe(0);
  expect(followed.output).toMatch(/failover_completed/);
});

it('who-serves.sh reaches the primary through its service', async () => {
  const { code, output } = await run('who-serves.sh');
  expect([code, output.trim()]).toEqual([0, 'the primary serves as app']);
});
