/** Operations of a newer release in the store, run by the executor that ships: they end, say what was not done, and keep no group's lock. */
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { keys } from '../cluster/model';
import { Resumption } from '../cluster/resumption';
import { pollUntil } from '../kernel/async';
import { groupName, SimulatedWorld } from '../testing/simulated-agents';
import { step, switchoverSteps } from './core/steps';
import { isFinished, type Operation, type OperationStep } from './model';

let directory: string;
let world: SimulatedWorld;

beforeEach(async () => {
  directory = mkdtempSync(join(tmpdir(), 'rustydb-unknown-'));
  world = new SimulatedWorld({ archiveDirectory: directory });
  world.start();
  await until('members are healthy', () => world.leader.view().nodes.every((node) => node.status === 'healthy'));
});
afterEach(async () => {
  await world.stop();
  rmSync(directory, { recursive: true, force: true, maxRetries: 20, retryDelay: 20 });
});

const until = (what: string, probe: () => boolean) =>
  pollUntil(() => (probe() ? true : undefined), { timeoutMs: 20_000, intervalMs: 5, what });

const newer = (change: Partial<OperationStep> = {}): OperationStep => ({
  ...step('checkpoint', 'node-1'),
  name: 'warm-cache',
  title: 'Warm the cache of node-2',
  ...{ action: 'warm-cache' },
  ...change,
});
const done = (entry: OperationStep): OperationStep => ({
  ...entry,
  state: 'succeeded',
  attempt: 1,
  startedAt: new Date(0).toISOString(),
  finishedAt: new Date(0).toISOString(),
});

/** As a leader of the newer release left it: running, with the group's lock. */
function leave(steps: readonly OperationStep[], change: Partial<Operation> = {}): string {
  const id = 'op-newer';
  const operation: Operation = {
    id,
    kind: 'failover',
    group: groupName,
    request: { kind: 'failover', group: groupName, mode: 'switchover' },
    state: 'running',
    requestedBy: 'dba',
    reason: null,
    requestId: null,
    createdAt: new Date().toISOString(),
    finishedAt: null,
    scheduledAt: null,
    planHash: '',
    checks: [],
    candidates: [],
    expectedPauseMs: null,
    bytesAtRisk: 0,
    timeline: [],
    summary: [],
    result: null,
    error: null,
    chosen: 'node-2',
    oldPrimary: 'node-1',
    ...change,
    steps,
  };
  if (operation.state === 'running') world.store.put(keys.group(groupName), { ...world.record, operation: id });
  world.store.put(keys.operation(id), operation);
  return id;
}

async function ended(id: string): Promise<Operation> {
  const of = () => world.store.value<Operation>(keys.operation(id));
  await until('the operation has ended', () => isFinished(of().state));
  return of();
}

describe('a step of a kind that this release does not know', () => {
  it('ends the operation before anything more is begun, with what was not done, and frees the group', async () => {
    const [checkTarget, ...rest] = switchoverSteps('node-1', 'node-2', { drainMs: 0 });
    const id = leave([done(checkTarget!), newer(), ...rest]);
    const operation = await ended(id);
    expect(operation.state).toBe('failed');
    expect(operation.error).toMatchObject({
      code: 'PRECONDITION_FAILED',
      reasons: [{ rule: 'step-known', measured: 'warm-cache' }],
    });
    expect(operation.error!.message).toMatch(
      /does not know the step "Warm the cache of node-2".*Not done: "Warm the cache/,
    );
    expect(world.record).toMatchObject({ operation: null, primary: 'node-1', epoch: 1 });
    expect(world.node('node-1').postgres).toBe('primary');
  });

  it('does not stop the group for a plan whose later step is not known', async () => {
    const id = leave([...switchoverSteps('node-1', 'node-2', { drainMs: 0 }), newer()]);
    expect((await ended(id)).steps.every((entry) => entry.startedAt === null)).toBe(true);
    expect(world.record).toMatchObject({ operation: null, primary: 'node-1', epoch: 1 });
  });

  it('says that what another release had begun is not undone, and undoes what it knows', async () => {
    const drain = done(step('drain', 'node-1'));
    world.node('node-1').draining = true;
    const id = leave([drain, newer({ state: 'running', attempt: 1, startedAt: new Date().toISOString() })]);
    const operation = await ended(id);
    expect(operation.state).toBe('compensated');
    expect(operation.error!.message).toContain('Another release had begun it; what it did is not undone.');
    expect(world.node('node-1').draining).toBe(false);
    expect(world.record.operation).toBeNull();
  });

  it('behind the point of no return: what is known is done first, and somebody serves', async () => {
    const steps = switchoverSteps('node-1', 'node-2', { drainMs: 0 });
    const demoteAt = steps.findIndex((entry) => entry.action === 'demote');
    const begun = steps.map((entry, at) => (at < demoteAt ? done(entry) : entry));
    begun[demoteAt] = { ...begun[demoteAt]!, state: 'running', attempt: 1, startedAt: new Date().toISOString() };
    const operation = await ended(leave([...begun, newer()]));
    expect(operation.state).toBe('failed');
    expect(operation.steps.find((entry) => entry.action === 'route')?.state).toBe('succeeded');
    await until('the group is free and served', () => world.record.operation === null && !world.record.leaseReleased);
    expect(world.record).toMatchObject({ primary: 'node-2', epoch: 2 });
  });

  it('between a stopped primary and its successor: a failover follows by itself', async () => {
    const steps = switchoverSteps('node-1', 'node-2', { drainMs: 0 });
    const demoteAt = steps.findIndex((entry) => entry.action === 'demote');
    const begun = steps.slice(0, demoteAt + 1).map((entry, at) => (at < demoteAt ? done(entry) : entry));
    begun[demoteAt] = { ...begun[demoteAt]!, state: 'running', attempt: 1, startedAt: new Date().toISOString() };
    await ended(leave([...begun, newer(), ...steps.slice(demoteAt + 1)]));
    await until('another primary serves', () => {
      const { operation, leaseReleased, epoch, primary } = world.record;
      return operation === null && !leaseReleased && epoch > 1 && world.node(primary!).postgres === 'primary';
    });
    expect(world.lostRows()).toEqual([]);
  });
});

it('an operation of a kind that this release does not know fails when it is due, and others go on', async () => {
  const request = { kind: 'defragment', group: groupName } as unknown as Operation['request'];
  const id = leave([], { state: 'pending', request, kind: request.kind, scheduledAt: new Date(0).toISOString() });
  const operation = await ended(id);
  expect(operation).toMatchObject({
    state: 'failed',
    error: { reasons: [{ rule: 'kind-known', measured: 'defragment' }] },
  });
  expect(operation.summary[0]).toContain('does not know operations of kind defragment');
});

describe('with a member of a newer release', () => {
  type Deps = ConstructorParameters<typeof Resumption>[0];

  function resumption(level: number) {
    const told = { asked: [] as string[], begun: [] as string[] };
    const clock = { now: 0 };
    const operation = { id: 'op-newer', state: 'running', kind: 'failover', steps: [newer()] } as unknown as Operation;
    const quiet = () => undefined;
    const deps = {
      self: 'node-3',
      store: {
        status: () => ({
          configuration: {
            voters: ['node-1', 'node-2', 'node-3'].map((id) => ({ id, incarnation: id })),
            learners: [],
          },
        }),
        transferLeadership: async (to: string) => void told.asked.push(to),
      },
      state: {
        operations: () => [{ operation, modRevision: 1 }],
        nodeIds: () => new Set(['node-1', 'node-2', 'node-3']),
        node: (id: string) => ({ record: { id }, reportAgeMs: 0, report: { level: id === 'node-2' ? level : 2 } }),
        config: { leaseMs: 2_000 },
      },
      executor: { isRunning: () => false, begin: async ({ id }: Operation) => void told.begun.push(id) },
      logger: { info: quiet, warn: quiet },
      nowMs: () => clock.now,
    } as unknown as Deps;
    return { told, clock, resumption: new Resumption(deps) };
  }

  it('that one is asked to lead; when it does not for long, the operation ends here', () => {
    const { told, clock, resumption: one } = resumption(99);
    for (clock.now = 0; clock.now <= 20_000; clock.now += 1_000) one.run();
    expect(told.begun).toEqual([]);
    expect(told.asked).toEqual(['node-2', 'node-2', 'node-2', 'node-2', 'node-2']);
    one.run();
    expect(told.begun).toEqual(['op-newer']);
  });

  it('without one it ends at once', () => {
    const { told, resumption: one } = resumption(2);
    one.run();
    expect(told).toEqual({ asked: [], begun: ['op-newer'] });
  });
});
