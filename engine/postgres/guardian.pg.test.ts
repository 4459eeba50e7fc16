import { type ChildProcess, spawn } from 'node:child_process';
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { afterAll, afterEach, beforeAll, describe, expect, it } from 'vitest';
import { pollUntil } from '../kernel/async';
import { PgFixture, type TestNode } from '../testing/pg-fixture';
import type { ServerExit } from './api';
import { isZombie, processesIn } from './processes';

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

const leaseMs = 2000;
/** Processes share two cores with other tests: what is guarded by clocks gets this much slack over the budget. */
const slackMs = 400;

type Started = { guardian: number; postmaster: number; adopted: boolean };

type Agent = { readonly process: ChildProcess; readonly lines: string[] };

function spawnAgent(node: TestNode, options: { leaseMs: number; standsBy?: boolean }): Agent {
  const file = join(fixture.root, `${node.configuration.nodeId}-${agents.length}.json`);
  writeFileSync(file, JSON.stringify({ configuration: node.configuration, ...options }), { mode: 0o600 });
  const child = spawn(process.execPath, [agentScript, file], { stdio: ['pipe', 'pipe', 'inherit'] });
  agents.push(child);
  const lines: string[] = [];
  createInterface({ input: child.stdout! }).on('line', (line) => lines.push(line));
  return { process: child, lines };
}

const said = <T>(agent: Agent, word: string): Promise<T> =>
  pollUntil(
    () => {
      const line = agent.lines.find((text) => text.includes(`"${word}"`));
      return line ? ((JSON.parse(line) as Record<string, T>)[word] as T) : undefined;
    },
    { timeoutMs: 30_000, intervalMs: 10, what: `the agent process says ${word}` },
  );

async function startedBy(agent: Agent): Promise<Agent & { started: Started }> {
  const started = await said<Started>(agent, 'started');
  fixture.remember(started.guardian);
  return { ...agent, started };
}

const agentOf = (node: TestNode) => startedBy(spawnAgent(node, { leaseMs }));

/** Writes as fast as it can until the first error; the time of the last acknowledged commit. */
async function writeUntilError(node: TestNode): Promise<{ lastAnswerAt: () => number; ended: Promise<void> }> {
  const client = await fixture.client(node);
  await client.query('CREATE TABLE IF NOT EXISTS w (n int)');
  let last = performance.now();
  const ended = (async () => {
    try {
      for (;;) {
        await client.query('INSERT INTO w VALUES (1)');
        last = performance.now();
      }
    } catch {
      await client.end().catch(() => undefined);
    }
  })();
  return { lastAnswerAt: () => last, ended };
}

async function bootstrapped(id: string): Promise<TestNode> {
  const node = await fixture.node(id);
  await node.server.bootstrap();
  return node;
}

const gone = (node: TestNode) => processesIn(node.configuration.paths.dataDirectory).length === 0;
const untilGone = (node: TestNode) =>
  pollUntil(() => (gone(node) ? true : undefined), { timeoutMs: 10_000, intervalMs: 5, what: 'PostgreSQL is gone' });

/** A process that exits lets go of its directory a moment before it becomes a zombie. */
const ended = (pid: number) =>
  pollUntil(() => isZombie(pid) || undefined, { timeoutMs: 5_000, intervalMs: 5, what: `process ${pid} has ended` });

describe('guardian', () => {
  it.each(['SIGKILL', 'SIGSTOP'] as const)('stops a primary whose agent got %s, within the budget', async (signal) => {
    const node = await bootstrapped(`agent-${signal.toLowerCase()}`);
    const agent = await agentOf(node);
    const writer = await writeUntilError(node);
    const before = performance.now();
    agent.process.kill(signal);
    await writer.ended;
    await untilGone(node);
    const deadAfter = performance.now() - before;
    // It did not die with its agent: the last word was good for a while …
    expect(writer.lastAnswerAt() - before).toBeGreaterThan(400);
    // … and not a moment longer than SIGKILL time allows.
    expect(writer.lastAnswerAt() - before).toBeLessThan(leaseMs - 200);
    expect(deadAfter).toBeLessThan(leaseMs - 200 + slackMs);
  });

  it('a thawed agent finds the server stopped, by the deadline', async () => {
    const node = await bootstrapped('agent-thawed');
    const agent = await agentOf(node);
    agent.process.kill('SIGSTOP');
    await untilGone(node);
    agent.process.kill('SIGCONT');
    expect(await said<ServerExit>(agent, 'exit')).toMatchObject({ expected: false, cause: 'deadline' });
  });

  it('keeps PostgreSQL alive through an agent restart, and the new agent adopts it', async () => {
    const node = await bootstrapped('agent-restart');
    // A process takes its time to come up on a busy machine: that is not what is at stake here.
    const leaseMs = 6_000;
    const first = await startedBy(spawnAgent(node, { leaseMs }));
    const writer = await writeUntilError(node);
    const next = spawnAgent(node, { leaseMs, standsBy: true });
    await said(next, 'ready');
    first.process.kill('SIGKILL');
    next.process.stdin!.write('go\n');
    const second = await startedBy(next);
    expect(second.started).toEqual({ ...first.started, adopted: true });
    // Longer than the first agent's word would have lasted.
    const from = performance.now();
    await pollUntil(() => (writer.lastAnswerAt() > from + leaseMs ? true : undefined), {
      timeoutMs: 30_000,
      intervalMs: 20,
      what: 'writes go on past the first agent’s deadline',
    });
    second.process.kill('SIGKILL');
    await writer.ended;
    await untilGone(node);
    // Nobody heard of the exit: the next agent does.
    expect(await node.server.adopt()).toBeNull();
    expect((await node.server.report()).lastExit).toMatchObject({ expected: false });
    expect((await node.server.report()).state).toBe('crashed');
  });

  it('kills what a frozen PostgreSQL does not stop itself', async () => {
    const node = await bootstrapped('frozen-server');
    await node.server.start('primary', { serveForMs: 60_000, timeoutMs: 30_000 });
    const client = await fixture.client(node);
    client.on('error', () => undefined);
    node.server.pushDeadline(leaseMs);
    for (const pid of processesIn(node.configuration.paths.dataDirectory)) process.kill(pid, 'SIGSTOP');
    const exit = new Promise<ServerExit>((resolve) => node.server.onExit(resolve));
    expect(await exit).toMatchObject({ cause: 'deadline', signal: 'SIGKILL' });
    expect(gone(node)).toBe(true);
    await client.end().catch(() => undefined);
  });

  it('obeys no word that waited while it was frozen itself', async () => {
    const node = await bootstrapped('frozen-guardian');
    await node.server.start('primary', { serveForMs: leaseMs, timeoutMs: 30_000 });
    const guardian = node.server.guardianPid()!;
    process.kill(guardian, 'SIGSTOP');
    const frozenAt = performance.now();
    await pollUntil(
      () => {
        // Sent in time, but read only after the thaw.
        if (performance.now() - frozenAt < 1000) node.server.pushDeadline(600_000);
        return performance.now() - frozenAt > leaseMs + 100 ? true : undefined;
      },
      { timeoutMs: 10_000, intervalMs: 100, what: 'the deadline passes' },
    );
    const exit = new Promise<ServerExit>((resolve) => node.server.onExit(resolve));
    process.kill(guardian, 'SIGCONT');
    expect(await exit).toMatchObject({ cause: 'deadline' });
  });

  it('that doesn’t greet is killed with what it guards, and a new one takes over', async () => {
    const node = await bootstrapped('silent-guardian');
    await node.server.start('primary', { serveForMs: 60_000, timeoutMs: 30_000 });
    const silent = node.server.guardianPid()!;
    fixture.remember(silent);
    await node.server.close();
    process.kill(silent, 'SIGSTOP');
    const next = fixture.attach(node.configuration);
    expect(await next.adopt()).toBeNull();
    expect(gone(node)).toBe(true);
    await ended(silent);
    await next.start('primary', { serveForMs: 60_000, timeoutMs: 30_000 });
    expect((await next.report()).state).toBe('primary');
  });

  it('takes PostgreSQL with it when it is killed, and the agent hears of it', async () => {
    const node = await bootstrapped('guardian-killed');
    await node.server.start('primary', { serveForMs: 60_000, timeoutMs: 30_000 });
    const postmaster = node.server.postmasterPid()!;
    const client = await fixture.client(node);
    // A backend that never looks up: the parent-death signal reaches only the postmaster, this one must be killed.
    const busy = client.query('DO $$ BEGIN LOOP PERFORM 1; END LOOP; END $$').catch((error: Error) => error);
    await pollUntil(
      async () =>
        (await node.server.sessions()).some((s) => s.user === 'app' && s.state === 'active') ? true : undefined,
      { timeoutMs: 5000, intervalMs: 10, what: 'the busy session shows' },
    );
    const exit = new Promise<ServerExit>((resolve) => node.server.onExit(resolve));
    process.kill(node.server.guardianPid()!, 'SIGKILL');
    expect(await exit).toMatchObject({ expected: false, cause: 'guardian-lost' });
    expect(gone(node)).toBe(true);
    await ended(postmaster);
    expect(await busy).toBeInstanceOf(Error);
    // A new guardian takes over.
    await node.server.start('primary', { serveForMs: 60_000, timeoutMs: 30_000 });
    expect((await node.server.report()).state).toBe('primary');
  });

  it('after kill -9 of the postmaster leaves no busy backend, and only then tells', async () => {
    const node = await bootstrapped('postmaster-killed');
    await node.server.start('primary', { serveForMs: 60_000, timeoutMs: 30_000 });
    const clients = await Promise.all([fixture.client(node), fixture.client(node)]);
    const busy = clients.map((c) => c.query('DO $$ BEGIN LOOP PERFORM 1; END LOOP; END $$').catch((e: Error) => e));
    await pollUntil(
      async () =>
        (await node.server.sessions()).filter((s) => s.user === 'app' && s.state === 'active').length === 2
          ? true
          : undefined,
      { timeoutMs: 5000, intervalMs: 10, what: 'both sessions are busy' },
    );
    const exit = new Promise<ServerExit>((resolve) => {
      node.server.onExit((e) => {
        expect(gone(node)).toBe(true);
        resolve(e);
      });
    });
    process.kill(node.server.postmasterPid()!, 'SIGKILL');
    expect(await exit).toMatchObject({ signal: 'SIGKILL', expected: false, cause: 'died' });
    await Promise.all(busy);
    expect((await node.server.report()).state).toBe('crashed');
  });
});
