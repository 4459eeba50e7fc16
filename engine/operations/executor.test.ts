/** Operations over simulated agents: they end well, and they end well whichever controller is killed after whichever journal entry. */
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import type { Txn } from '../control/store';
import { deferred, pollUntil } from '../kernel/async';
import type { Requester, StartOperation } from '../runtime/engine-api';
import { groupName, SimulatedWorld, type WorldOptions } from '../testing/simulated-agents';
import { isFinished, type Operation, type OperationRequest } from './model';

const requester: Requester = { by: 'tester', reason: 'test', requestId: null, admin: true };
let directory: string;
let world: SimulatedWorld | null = null;

beforeEach(() => {
  directory = mkdtempSync(join(tmpdir(), 'rustydb-operations-'));
});
afterEach(async () => {
  await world?.stop();
  world = null;
  // The last words of a controller's health history may still be on their way.
  rmSync(directory, { recursive: true, force: true, maxRetries: 20, retryDelay: 20 });
});

function begin(options: Omit<WorldOptions, 'archiveDirectory'> = {}): SimulatedWorld {
  world = new SimulatedWorld({ ...options, archiveDirectory: directory });
  world.start();
  return world;
}

const start = (request: OperationRequest, more: Partial<StartOperation> = {}): StartOperation => ({
  request,
  requester,
  planHash: null,
  idempotencyKey: null,
  ...more,
});
const switchover: OperationRequest = { kind: 'failover', group: groupName, mode: 'switchover' };

function until<T>(what: string, probe: () => T | undefined): Promise<T> {
  return pollUntil(probe, { timeoutMs: 10_000, intervalMs: 5, what });
}

async function settled(of: SimulatedWorld): Promise<void> {
  await until('rows are acknowledged and members are healthy', () => {
    const view = of.leader.view();
    return of.acknowledged.size > 20 &&
      view.nodes.length === of.nodes.size &&
      view.nodes.every((node) => node.status === 'healthy')
      ? true
      : undefined;
  });
}

function operations(of: SimulatedWorld): readonly Operation[] {
  return of.store
    .as('x')
    .localList('operations/')
    .map((entry) => entry.value as unknown as Operation);
}

async function finished(of: SimulatedWorld, id?: string): Promise<Operation> {
  return until('the operation has ended', () =>
    operations(of).find((operation) => (id === undefined || operation.id === id) && isFinished(operation.state)),
  );
}

describe('switchover', () => {
  it('moves the primary, loses nothing, frees the group and tells the timeline', async () => {
    const of = begin();
    await settled(of);
    const begun = await of.leader.handle('operation.start', start(switchover));
    expect(begun.state).toBe('running');
    const done = await finished(of, begun.id);
    expect(done).toMatchObject({ state: 'succeeded', error: null });
    expect(of.record).toMatchObject({
      epoch: 2,
      primary: done.chosen,
      operation: null,
      leaseReleased: false,
      timeline: 2,
    });
    expect(of.record.primary).not.toBe('node-1');
    expect(of.lostRows()).toEqual([]);
    expect(done.timeline.map((phase) => phase.phase)).toEqual(['prepare', 'fence', 'promote', 'route']);
    expect(done.result?.pause_ms).toBeTypeOf('number');
    expect(done.summary[0]).toContain('switchover of alpha');
    expect(done.steps.every((step) => step.state === 'succeeded')).toBe(true);
    expect(done.steps.map((step) => step.name)).toEqual(begun.steps.map((step) => step.name));
  });

  it('goes to another candidate when the target refuses the promotion', async () => {
    const of = begin();
    await settled(of);
    of.node('node-2').failing.add('agent.promote');
    const begun = await of.leader.handle(
      'operation.start',
      start({ ...switchover, target: 'node-2' } as OperationRequest),
    );
    const done = await finished(of, begun.id);
    expect(done.state).toBe('succeeded');
    expect(of.record).toMatchObject({ primary: 'node-3', epoch: 3, operation: null });
    expect(of.lostRows()).toEqual([]);
  });

  it('gives the old primary a new epoch when nobody else can take over', async () => {
    const of = begin();
    await settled(of);
    for (const id of ['node-2', 'node-3']) of.node(id).failing.add('agent.grant');
    const begun = await of.leader.handle('operation.start', start(switchover));
    const done = await finished(of, begun.id);
    expect(done.state).toBe('compensated');
    expect(of.record).toMatchObject({ primary: 'node-1', operation: null, leaseReleased: false });
    expect(of.node('node-1')).toMatchObject({ postgres: 'primary', draining: false });
    expect(of.lostRows()).toEqual([]);
  });

  it('can be cancelled while it drains, and admits sessions again', async () => {
    const of = begin({ config: { drainMs: 60_000 } });
    await settled(of);
    const begun = await of.leader.handle('operation.start', start(switchover));
    await until('it drains', () => (of.node('node-1').draining ? true : undefined));
    await of.leader.handle('operation.cancel', { id: begun.id, requester });
    const done = await finished(of, begun.id);
    expect(done.state).toBe('cancelled');
    expect(of.record).toMatchObject({ primary: 'node-1', epoch: 1, operation: null });
    expect(of.node('node-1').draining).toBe(false);
  });

  it('becomes a failover when the primary dies while it drains', async () => {
    const of = begin({ config: { drainMs: 60_000 } });
    await settled(of);
    const begun = await of.leader.handle('operation.start', start(switchover));
    await until('it drains', () => (of.node('node-1').draining ? true : undefined));
    Object.assign(of.node('node-1'), { alive: false, postgres: 'stopped' });
    expect((await finished(of, begun.id)).state).not.toBe('succeeded');
    await until('another primary serves', () =>
      of.record.primary !== 'node-1' && of.record.operation === null ? true : undefined,
    );
    expect(of.lostRows()).toEqual([]);
  });
});

describe('the deadline of an operation', () => {
  const late = { code: 'TIMEOUT', reasons: [expect.objectContaining({ rule: 'operation-deadline' })] };

  it('undoes a switchover that is still draining', async () => {
    const of = begin({ config: { drainMs: 60_000 } });
    await settled(of);
    const begun = await of.leader.handle(
      'operation.start',
      start({ ...switchover, deadlineMs: 300 } as OperationRequest),
    );
    const done = await finished(of, begun.id);
    expect(done).toMatchObject({ state: 'compensated', error: late });
    expect(Date.parse(done.finishedAt!) - Date.parse(done.createdAt)).toBeGreaterThanOrEqual(300);
    expect(done.steps.find((step) => step.name === 'drain')).toMatchObject({ state: 'failed' });
    expect(done.steps.find((step) => step.name === 'demote')).toMatchObject({ state: 'skipped', attempt: 0 });
    expect(of.record).toMatchObject({ primary: 'node-1', epoch: 1, operation: null });
    expect(of.node('node-1').draining).toBe(false);
  });

  it('is the same one for the next leader', async () => {
    const of = begin({ config: { drainMs: 60_000 } });
    await settled(of);
    const begun = await of.leader.handle(
      'operation.start',
      start({ ...switchover, deadlineMs: 1_000 } as OperationRequest),
    );
    await until('it drains', () => (of.node('node-1').draining ? true : undefined));
    const leader = of.store.leader!;
    of.killController(leader);
    of.store.lead([...of.controllers.keys()].find((id) => id !== leader)!);
    const done = await finished(of, begun.id);
    expect(done).toMatchObject({ state: 'compensated', error: late, deadlineAt: begun.deadlineAt });
    expect(done.steps.find((step) => step.name === 'drain')).toMatchObject({ attempt: 2 });
    expect(Date.parse(done.finishedAt!) - Date.parse(begun.deadlineAt!)).toBeLessThan(1_000);
    expect(of.node('node-1').draining).toBe(false);
  });

  it('gives the old primary a newer epoch when promises were asked for', async () => {
    const of = begin();
    await settled(of);
    of.store.afterTxn = () => {
      for (const id of ['node-2', 'node-3']) of.node(id).postgres = 'recovering';
    };
    const request: OperationRequest = { kind: 'failover', group: groupName, mode: 'failover', deadlineMs: 300 };
    const begun = await of.leader.handle('operation.start', start(request));
    await until('the old primary is granted again', () => (of.record.epoch === 2 ? true : undefined));
    of.store.afterTxn = null;
    for (const id of ['node-2', 'node-3']) of.node(id).postgres = 'standby';
    const done = await finished(of, begun.id);
    expect(done.state).toBe('compensated');
    expect(of.record).toMatchObject({ primary: 'node-1', epoch: 2, operation: null });
    expect(of.node('node-1').postgres).toBe('primary');
    expect(of.lostRows()).toEqual([]);
  });
});

describe('automatic failover', () => {
  it('promotes a standby when the lease of a dead primary has run out', async () => {
    const of = begin();
    await settled(of);
    Object.assign(of.node('node-1'), { alive: false, postgres: 'stopped' });
    const done = await finished(of);
    expect(done).toMatchObject({ kind: 'failover', state: 'succeeded', requestedBy: 'controller' });
    expect(done.timeline.map((phase) => phase.phase)).toEqual(['detect', 'decide', 'fence', 'promote', 'route']);
    expect(of.record).toMatchObject({ epoch: 2, operation: null });
    expect(of.lostRows()).toEqual([]);
    of.node('node-1').alive = true;
    await until('the old primary is a voter again', () =>
      of.record.voterSet.members.includes('node-1') ? true : undefined,
    );
    expect(of.lostRows()).toEqual([]);
  });

  it('acts at once on an exit that the agent hands over', async () => {
    const of = begin({ config: { leaseMs: 60_000 } });
    await settled(of);
    of.node('node-1').postgres = 'crashed';
    of.leader.exitNotice({
      node: 'node-1',
      group: groupName,
      epoch: 1,
      at: new Date().toISOString(),
      decision: 'fail-over',
      redoMs: 9_000,
      walBytes: 1_000_000_000,
      leaseReleased: true,
    });
    const done = await finished(of);
    expect(done.state).toBe('succeeded');
    expect(of.lostRows()).toEqual([]);
  });

  it.each<[string, Omit<WorldOptions, 'archiveDirectory'>]>([
    ['automatic failover is paused', { record: { automaticFailover: false, automaticFailoverPausedBy: 'dba' } }],
    ['it is off for the cluster', { config: { autoFailover: false } }],
    ['the group is degraded', { record: { promotable: 'none' as const, voterSet: { members: [], k: 0 } }, nodes: 1 }],
  ])('does nothing when %s, and says so', async (_name, options) => {
    const of = begin(options);
    await until('rows', () => (of.acknowledged.size > 5 ? true : undefined));
    of.node('node-1').alive = false;
    await until('it is told', () =>
      of.leader.view().problems.some((problem) => problem.rule === 'lease-expired') ? true : undefined,
    );
    expect(operations(of)).toEqual([]);
    expect(of.record).toMatchObject({ primary: 'node-1', epoch: 1, operation: null });
  });

  it('waits for a voter that may have acknowledged writes, then goes on', async () => {
    const of = begin();
    await settled(of);
    of.store.put(`groups/${groupName}`, {
      ...of.record,
      mode: 'semi_synchronous',
      voterSet: { members: ['node-2', 'node-3'], k: 1 },
    });
    of.node('node-3').alive = false;
    Object.assign(of.node('node-1'), { alive: false, postgres: 'stopped' });
    await until('it is told', () =>
      of.leader.view().problems.some((problem) => problem.rule === 'lease-expired') ? true : undefined,
    );
    expect(of.record.epoch).toBe(1);
    of.node('node-3').alive = true;
    await until('a primary serves', () => (of.record.epoch === 2 && of.record.operation === null ? true : undefined));
    expect(of.lostRows()).toEqual([]);
  });
});

describe('what is told while the primary changes on purpose', () => {
  /** A switchover that waits before its promotion; what each leader tells as problems that began. */
  async function heldSwitchover(of: SimulatedWorld) {
    const gate = deferred<void>();
    of.held.set('agent.promote', gate.promise);
    await settled(of);
    const told = new Map<string, string[]>();
    for (const [id, { controller }] of of.controllers) {
      const rules: string[] = [];
      told.set(id, rules);
      controller.events.subscribe(({ eventType, severity, payload }) => {
        if (eventType === 'problem_begun') rules.push(`${severity} ${payload.rule}`);
      });
    }
    void of.leader.handle('operation.start', start(switchover)).catch(() => undefined);
    const toldBy = (id: string, rule: string) =>
      until(`${id} tells ${rule}`, () => (told.get(id)!.includes(rule) ? true : undefined));
    return { toldBy, release: () => gate.resolve(), all: () => [...told.values()].flat() };
  }

  it('a switchover is told as what it is, also by the next leader, and never as a loss of the primary', async () => {
    const of = begin({ config: { leaseMs: 4_000 } });
    const { toldBy, release, all } = await heldSwitchover(of);
    const first = of.store.leader!;
    await toldBy(first, 'info primary-changing');
    const next = [...of.controllers.keys()].find((id) => id !== first)!;
    of.store.lead(next);
    await toldBy(next, 'info primary-changing');
    release();
    expect((await finished(of)).state).toBe('succeeded');
    expect(all().filter((one) => one.startsWith('critical'))).toEqual([]);
  });

  it('one that overruns is told as critical', async () => {
    const of = begin();
    const { toldBy, release } = await heldSwitchover(of);
    await toldBy(of.store.leader!, 'info primary-changing');
    await toldBy(of.store.leader!, 'critical lease-expired');
    release();
    await finished(of);
  });
});

describe('what is told of an operation', () => {
  type Told = readonly [type: string, step?: unknown, state?: unknown, attempt?: unknown];

  /** What all leaders told, in the order of their ids. */
  function listen(of: SimulatedWorld): () => readonly Told[] {
    const told: { id: string; told: Told }[] = [];
    for (const { controller } of of.controllers.values()) {
      controller.events.subscribe(({ eventId, eventType, payload }) => {
        if (!eventType.startsWith('operation_')) return;
        const { step, step_state: state, attempt } = payload;
        told.push({
          id: eventId,
          told: eventType === 'operation_step' ? [eventType, step, state, attempt] : [eventType],
        });
      });
    }
    return () => told.sort((a, b) => (a.id < b.id ? -1 : 1)).map((one) => one.told);
  }

  /** Each attempt of a step is told as begun and then as ended, or its end is what a lost leader did not write. */
  function expectOrder(told: readonly Told[], done: Operation): void {
    expect(told.filter(([type]) => type === 'operation_started')).toHaveLength(1);
    expect(told[0]).toEqual(['operation_started']);
    expect(told.at(-1)![0]).toMatch(/^operation_(completed|failed|cancelled)$/);
    expect(new Set(told.map((one) => one.join(' '))).size, 'nothing is told twice').toBe(told.length);
    for (const step of done.steps.filter((entry) => entry.startedAt !== null)) {
      const mine = told.filter(([, name, , attempt]) => name === step.name && attempt === step.attempt);
      expect([step.name, ...mine.map(([, , state]) => state)]).toEqual([step.name, 'running', step.state]);
    }
  }

  it('is that it began, each step as begun and as ended, and that it ended', async () => {
    const of = begin();
    await settled(of);
    const told = listen(of);
    const done = await finished(of, (await of.leader.handle('operation.start', start(switchover))).id);
    await until('its end is told', () => (told().some(([type]) => type === 'operation_completed') ? true : undefined));
    const steps = done.steps.flatMap(({ name }): Told[] => [
      ['operation_step', name, 'running', 1],
      ['operation_step', name, 'succeeded', 1],
    ]);
    expect(told()).toEqual([['operation_started'], ...steps, ['operation_completed']]);
  });

  it('is an attempt that failed too, when the next candidate is tried', async () => {
    const of = begin();
    await settled(of);
    const told = listen(of);
    of.node('node-2').failing.add('agent.promote');
    const request = { ...switchover, target: 'node-2' } as OperationRequest;
    const done = await finished(of, (await of.leader.handle('operation.start', start(request))).id);
    await until('its end is told', () => (told().some(([type]) => type === 'operation_completed') ? true : undefined));
    expectOrder(told(), done);
    const promotions = told().filter(([, name]) => name === 'promote');
    expect(promotions.map(([, , state]) => state)).toEqual(['running', 'failed', 'running', 'succeeded']);
  });

  it('is a step that was cancelled', async () => {
    const of = begin({ config: { drainMs: 60_000 } });
    await settled(of);
    const told = listen(of);
    const begun = await of.leader.handle('operation.start', start(switchover));
    await until('it drains', () => (of.node('node-1').draining ? true : undefined));
    await of.leader.handle('operation.cancel', { id: begun.id, requester });
    const done = await finished(of, begun.id);
    await until('its end is told', () => (told().some(([type]) => type === 'operation_cancelled') ? true : undefined));
    expect(told()).toContainEqual(['operation_step', 'drain', 'cancelled', 1]);
    expect(done.steps.find((step) => step.name === 'check-target')?.state).toBe('succeeded');
  });

  it('goes on with what the next leader does, in the order of ids, nothing twice', async () => {
    const of = begin({ config: { drainMs: 60_000 } });
    await settled(of);
    const told = listen(of);
    const request = { ...switchover, drainMs: 400 } as OperationRequest;
    const begun = await of.leader.handle('operation.start', start(request));
    await until('it drains', () => (of.node('node-1').draining ? true : undefined));
    of.store.lead([...of.controllers.keys()].find((id) => id !== of.store.leader)!);
    const done = await finished(of, begun.id);
    await until('its end is told', () => (told().some(([type]) => type === 'operation_completed') ? true : undefined));
    expectOrder(told(), done);
    const drains = told().filter(([, name]) => name === 'drain');
    expect(drains).toEqual([
      ['operation_step', 'drain', 'running', 1],
      ['operation_step', 'drain', 'running', 2],
      ['operation_step', 'drain', 'succeeded', 2],
    ]);
  });

  it('is of a scheduled one that it was scheduled, and that it was cancelled', async () => {
    const of = begin();
    await settled(of);
    const told = listen(of);
    const scheduledAt = new Date(Date.now() + 3_600_000).toISOString();
    const { id } = await of.leader.handle('operation.start', start({ ...switchover, scheduledAt } as OperationRequest));
    await of.leader.handle('operation.cancel', { id, requester });
    expect(told()).toEqual([['operation_scheduled'], ['operation_cancelled']]);
  });

  it('is of a scheduled one that is due that it began', async () => {
    const of = begin();
    await settled(of);
    const told = listen(of);
    const past = { ...switchover, scheduledAt: new Date(Date.now() - 60_000).toISOString() } as OperationRequest;
    for (const method of ['operation.plan', 'operation.start'] as const)
      await expect(of.leader.handle(method, start(past)), method).rejects.toMatchObject({
        code: 'INVALID_INPUT',
        message: expect.stringContaining('is past'),
      });
    const scheduledAt = new Date(Date.now() + 100).toISOString();
    const { id } = await of.leader.handle('operation.start', start({ ...switchover, scheduledAt } as OperationRequest));
    const done = await finished(of, id);
    await until('its end is told', () => (told().some(([type]) => type === 'operation_completed') ? true : undefined));
    expect(told()[0]).toEqual(['operation_scheduled']);
    expectOrder(told().slice(1), done);
  });
});

describe('the controller is killed after each journal entry', () => {
  /** Kills the leading controller right after its n-th write of an operation; the next leads at once. */
  function killAfter(of: SimulatedWorld, entry: number): () => number {
    let seen = 0;
    of.store.afterTxn = (txn: Txn) => {
      if (!txn.mutations.some((mutation) => mutation.key.startsWith('operations/'))) return;
      if (++seen !== entry) return;
      const leader = of.store.leader!;
      of.killController(leader);
      const next = [...of.controllers].find(([id, other]) => id !== leader && !other.member.dead)![0];
      setImmediate(() => of.store.lead(next));
    };
    return () => seen;
  }

  it.each([1, 2, 3, 4, 5, 6, 7, 8, 9, 10])('a switchover, entry %i', async (entry) => {
    const of = begin();
    await settled(of);
    const seen = killAfter(of, entry);
    void of.leader.handle('operation.start', start(switchover)).catch(() => undefined);
    const done = await finished(of);
    expect(seen()).toBeGreaterThanOrEqual(Math.min(entry, 9));
    expect(['succeeded', 'compensated']).toContain(done.state);
    await until('the group is free and served', () =>
      of.record.operation === null && !of.record.leaseReleased ? true : undefined,
    );
    expect(of.node(of.record.primary!).postgres).toBe('primary');
    expect([...of.nodes.values()].filter((node) => node.postgres === 'primary')).toHaveLength(1);
    expect(operations(of)).toHaveLength(1);
    expect(of.lostRows()).toEqual([]);
    if (entry < 9) expect(Math.max(...done.steps.map((step) => step.attempt))).toBe(2);
  });

  it.each([1, 2, 3, 4, 5])('an automatic failover, entry %i', async (entry) => {
    const of = begin();
    await settled(of);
    killAfter(of, entry);
    Object.assign(of.node('node-1'), { alive: false, postgres: 'stopped' });
    const done = await finished(of);
    expect(done.state).toBe('succeeded');
    await until('the group is free', () => (of.record.operation === null ? true : undefined));
    expect(of.record.epoch).toBe(2);
    expect(operations(of)).toHaveLength(1);
    expect(of.lostRows()).toEqual([]);
  });
});
