/** "Dead means dead" where root may not see other users' processes: a container that drops capabilities. */
import { type ChildProcess, spawn, spawnSync } from 'node:child_process';
import { mkdirSync, symlinkSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { afterAll, afterEach, beforeAll, describe, expect, it } from 'vitest';
import { pollUntil } from '../kernel/async';
import { PgFixture, type TestNode } from '../testing/pg-fixture';
import { killQuietly, processesIn } from './processes';

let fixture: PgFixture;
let agentScript: string;
const agents: ChildProcess[] = [];

beforeAll(async () => {
  fixture = await PgFixture.create();
  agentScript = await fixture.agentProgram();
});
afterEach(() => {
  for (const agent of agents.splice(0)) agent.kill('SIGKILL');
});
afterAll(() => fixture.close());

/** An agent, and with it its guardian, without these capabilities. */
function agentWithout(node: TestNode, capabilities: string, env: Record<string, string> = {}): string[] {
  const file = join(fixture.root, `${node.configuration.nodeId}.json`);
  writeFileSync(file, JSON.stringify({ configuration: node.configuration, leaseMs: 20_000 }), { mode: 0o600 });
  const limits = ['--bounding-set', capabilities, '--inh-caps', '-all'];
  const child = spawn('/usr/bin/setpriv', [...limits, process.execPath, agentScript, file], {
    stdio: ['ignore', 'pipe', 'inherit'],
    env: { ...process.env, ...env },
  });
  agents.push(child);
  const lines: string[] = [];
  createInterface({ input: child.stdout! }).on('line', (line) => lines.push(line));
  return lines;
}

const said = (lines: readonly string[], word: string) =>
  pollUntil(() => lines.find((line) => line.includes(`"${word}"`)), {
    timeoutMs: 60_000,
    intervalMs: 2,
    what: `the agent says ${word}`,
  });

async function bootstrapped(id: string): Promise<TestNode> {
  const node = await fixture.node(id);
  await node.server.bootstrap();
  return node;
}

const limitable =
  process.getuid?.() === 0 && spawnSync('setpriv', ['--bounding-set', '-sys_ptrace', 'true']).status === 0;

describe.runIf(limitable)('a node without the capability SYS_PTRACE', () => {
  it('tells the end of a killed postmaster only when its busy backends are gone', async () => {
    const node = await bootstrapped('no-ptrace');
    const lines = agentWithout(node, '-sys_ptrace');
    const { started } = JSON.parse(await said(lines, 'started')) as {
      started: { postmaster: number; guardian: number };
    };
    fixture.remember(started.guardian);
    const clients = await Promise.all([fixture.client(node), fixture.client(node)]);
    const busy = clients.map((c) => c.query('DO $$ BEGIN LOOP PERFORM 1; END LOOP; END $$').catch((e: Error) => e));
    const watcher = await fixture.client(node);
    await pollUntil(
      async () => {
        const { rows } = await watcher.query(
          "SELECT FROM pg_stat_activity WHERE usename = 'app' AND query LIKE 'DO %'",
        );
        return rows.length === 2 ? true : undefined;
      },
      { timeoutMs: 10_000, intervalMs: 10, what: 'both sessions are busy' },
    );
    killQuietly(started.postmaster, 'SIGKILL');
    await said(lines, 'exit');
    // The test has the capability, and sees what is left.
    expect(processesIn(node.configuration.paths.dataDirectory)).toEqual([]);
    expect((await Promise.all(busy)).every((answer) => answer instanceof Error)).toBe(true);
    await watcher.end().catch(() => undefined);
  });

  it('refuses to start where it has no other way to look, and says what to grant', async () => {
    const node = await bootstrapped('blind');
    const path = join(fixture.root, 'without-stat');
    mkdirSync(path, { mode: 0o755 });
    for (const program of ['setpriv', 'cat', 'true']) symlinkSync(`/usr/bin/${program}`, join(path, program));
    const { refused } = JSON.parse(await said(agentWithout(node, '-sys_ptrace', { PATH: path }), 'refused')) as {
      refused: string;
    };
    expect(refused).toMatch(/can’t see the processes of its PostgreSQL.*capability SYS_PTRACE/);
    expect(processesIn(node.configuration.paths.dataDirectory)).toEqual([]);
  });

  it('refuses to start where it may not end them', async () => {
    const node = await bootstrapped('no-kill');
    const { refused } = JSON.parse(await said(agentWithout(node, '-kill'), 'refused')) as { refused: string };
    expect(refused).toMatch(/can’t end a process of PostgreSQL’s user.*capability KILL/);
  });
});
