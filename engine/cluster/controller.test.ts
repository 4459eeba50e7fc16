/** The controller's door over simulated agents: guards, hashes, keys, schedule, configuration, membership, and that it stays cheap at 1,000 nodes. */
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { pollUntil } from '../kernel/async';
import { isFinished, type Operation, type OperationRequest } from '../operations/model';
import type { Requester, StartOperation } from '../runtime/engine-api';
import { groupName, SimulatedWorld, type WorldOptions } from '../testing/simulated-agents';
import type { ClusterConfig, NodeRecord } from './model';

const requester: Requester = { by: 'tester', reason: null, requestId: null, admin: true };
const switchover: OperationRequest = { kind: 'failover', group: groupName, mode: 'switchover' };
let directory: string;
let world: SimulatedWorld | null = null;

beforeEach(() => {
  directory = mkdtempSync(join(tmpdir(), 'rustydb-controller-'));
});
afterEach(async () => {
  await world?.stop();
  world = null;
  rmSync(directory, { recursive: true, force: true, maxRetries: 20, retryDelay: 20 });
});

function until<T>(what: string, probe: () => T | undefined): Promise<T> {
  return pollUntil(probe, { timeoutMs: 10_000, intervalMs: 5, what });
}

async function begin(options: Omit<WorldOptions, 'archiveDirectory'> = {}): Promise<SimulatedWorld> {
  const of = new SimulatedWorld({ ...options, archiveDirectory: directory });
  world = of;
  of.start();
  await until('the members are healthy', () =>
    of.acknowledged.size > 5 && of.leader.view().nodes.every((node) => node.status === 'healthy') ? true : undefined,
  );
  return of;
}

const params = (request: OperationRequest, more: Partial<StartOperation> = {}): StartOperation => ({
  request,
  requester,
  planHash: null,
  idempotencyKey: null,
  ...more,
});

async function finished(of: SimulatedWorld, id: string): Promise<Operation> {
  return until('it has ended', () => {
    const operation = of.store.value<Operation | undefined>(`operations/${id}`);
    return operation && isFinished(operation.state) ? operation : undefined;
  });
}

describe('starting operations', () => {
  it('runs the plan that was shown and journals nothing for a preview', async () => {
    const of = await begin();
    const shown = await of.leader.handle('operation.plan', params(switchover));
    expect(shown.state).toBe('planned');
    expect([...of.store.entries.keys()].filter((key) => key.startsWith('operations/'))).toEqual([]);
    const begun = await of.leader.handle('operation.start', params(switchover, { planHash: shown.planHash }));
    expect(begun.steps.map((step) => step.name)).toEqual(shown.steps.map((step) => step.name));
    expect((await finished(of, begun.id)).chosen).toBe(shown.chosen);
  });

  it('refuses an outdated plan and shows the new one', async () => {
    const of = await begin();
    const refused = of.leader.handle('operation.start', params(switchover, { planHash: 'old' }));
    await expect(refused).rejects.toMatchObject({
      code: 'PRECONDITION_FAILED',
      details: { clusterCode: 'CLU_PLAN_CHANGED', extra: { plan: { state: 'planned', kind: 'failover' } } },
    });
  });

  it.each([{ expectedEpoch: 9 }, { expectedPrimary: 'node-2' }])(
    'refuses the guard %j with the present state',
    async (guard) => {
      const of = await begin();
      await expect(
        of.leader.handle('operation.start', params({ ...switchover, ...guard } as OperationRequest)),
      ).rejects.toMatchObject({
        code: 'PRECONDITION_FAILED',
        details: { clusterCode: 'CLU_GUARD_MISMATCH', extra: { primary: 'node-1', epoch: 1 } },
      });
    },
  );

  it('answers a repeated key with the same operation, and refuses it for another request', async () => {
    const of = await begin();
    const first = await of.leader.handle('operation.start', params(switchover, { idempotencyKey: 'k1' }));
    const again = await of.leader.handle('operation.start', params(switchover, { idempotencyKey: 'k1' }));
    expect(again.id).toBe(first.id);
    // Why it is done is no part of what is done: the first reason stays.
    const reworded = params(switchover, {
      idempotencyKey: 'k1',
      requester: { ...requester, reason: 'in other words' },
    });
    expect(await of.leader.handle('operation.start', reworded)).toMatchObject({ id: first.id, reason: first.reason });
    const other: OperationRequest = { kind: 'maintenance', node: 'node-2', enabled: true };
    await expect(of.leader.handle('operation.start', params(other, { idempotencyKey: 'k1' }))).rejects.toMatchObject({
      code: 'CONFLICT',
    });
    await finished(of, first.id);
    expect(of.record.epoch).toBe(2);
  });

  it('gives requests of one idempotency key that come at once the same operation, and begins one', async () => {
    const of = await begin();
    const asked = Array.from({ length: 4 }, () =>
      of.leader.handle('operation.start', params(switchover, { idempotencyKey: 'at-once' })),
    );
    const answers = await Promise.all(asked);
    expect(new Set(answers.map((operation) => operation.id)).size).toBe(1);
    expect([...of.store.entries.keys()].filter((key) => key.startsWith('operations/'))).toHaveLength(1);
    const started = of.leader.events.since('0').events.filter((event) => event.eventType === 'operation_started');
    expect(started).toHaveLength(1);
    await finished(of, answers[0]!.id);
  });

  it('gives two scheduled requests of one idempotency key the same operation', async () => {
    const of = await begin();
    const scheduledAt = new Date(Date.now() + 3_600_000).toISOString();
    const request = { ...switchover, scheduledAt } as OperationRequest;
    const ask = () => of.leader.handle('operation.start', params(request, { idempotencyKey: 'later' }));
    const [one, two] = await Promise.all([ask(), ask()]);
    expect(two.id).toBe(one.id);
    expect([...of.store.entries.keys()].filter((key) => key.startsWith('operations/'))).toHaveLength(1);
  });

  it('remembers no key for a request that was refused', async () => {
    const of = await begin();
    const refused = { ...switchover, expectedEpoch: 9 } as OperationRequest;
    const ask = (request: OperationRequest) =>
      of.leader.handle('operation.start', params(request, { idempotencyKey: 'refused' }));
    await expect(ask(refused)).rejects.toMatchObject({ code: 'PRECONDITION_FAILED' });
    expect((await ask(switchover)).state).toBe('running');
  });

  it('lets one availability operation run per group', async () => {
    const of = await begin({ config: { drainMs: 60_000 } });
    const begun = await of.leader.handle('operation.start', params(switchover));
    await expect(of.leader.handle('operation.start', params(switchover))).rejects.toMatchObject({
      code: 'CONFLICT',
      details: { clusterCode: 'CLU_OPERATION_RUNNING' },
    });
    await until('it drains', () => (of.node('node-1').draining ? true : undefined));
    await of.leader.handle('operation.cancel', { id: begun.id, requester });
    await finished(of, begun.id);
  });

  it('keeps a scheduled one pending, plans it again when due, and can cancel it before', async () => {
    const of = await begin();
    const later = (ms: number) =>
      ({ ...switchover, scheduledAt: new Date(Date.now() + ms).toISOString() }) as OperationRequest;
    const far = await of.leader.handle('operation.start', params(later(3_600_000)));
    expect(far.state).toBe('pending');
    expect((await of.leader.handle('operation.cancel', { id: far.id, requester })).state).toBe('cancelled');
    const near = await of.leader.handle('operation.start', params(later(300)));
    expect(of.record.epoch).toBe(1);
    expect((await finished(of, near.id)).state).toBe('succeeded');
    expect(of.record.epoch).toBe(2);
  });

  it('says no to force without the admin role, before anything happens', async () => {
    const of = await begin();
    const request: OperationRequest = { kind: 'stop-node', node: 'node-1', mode: 'fast', force: true };
    const refused = of.leader.handle('operation.start', params(request, { requester: { ...requester, admin: false } }));
    await expect(refused).rejects.toMatchObject({ code: 'FORBIDDEN' });
    expect(of.commands).toEqual([]);
  });
});

describe('node operations', () => {
  it('stops and starts a standby; stopped by hand is what the record says', async () => {
    const of = await begin();
    const stop = await of.leader.handle('operation.start', params({ kind: 'stop-node', node: 'node-3', mode: 'fast' }));
    expect((await finished(of, stop.id)).state).toBe('succeeded');
    expect(of.store.value<NodeRecord>('nodes/node-3').wanted).toBe('stopped');
    expect(of.node('node-3').postgres).toBe('stopped');
    await until('its status says so', () =>
      of.leader.view().nodes.find((node) => node.record.id === 'node-3')?.status === 'stopped' ? true : undefined,
    );
    const start = await of.leader.handle('operation.start', params({ kind: 'start-node', node: 'node-3' }));
    expect((await finished(of, start.id)).state).toBe('succeeded');
    expect(of.node('node-3').postgres).toBe('standby');
  });

  it('stops a primary only after a switchover', async () => {
    const of = await begin();
    const stop = await of.leader.handle('operation.start', params({ kind: 'stop-node', node: 'node-1', mode: 'fast' }));
    expect((await finished(of, stop.id)).state).toBe('succeeded');
    expect(of.record).toMatchObject({ epoch: 2, operation: null });
    expect(of.node('node-1').postgres).toBe('stopped');
    expect(of.lostRows()).toEqual([]);
  });

  it('adds a node and removes it again', async () => {
    const of = await begin();
    const add = await of.leader.handle(
      'operation.start',
      params({ kind: 'add-node', node: 'node-4', group: groupName, region: 'r1', host: 'h' }),
    );
    await until('its record is there', () => of.store.value<NodeRecord | undefined>('nodes/node-4'));
    of.store.put('nodes/node-4', { ...of.store.value<NodeRecord>('nodes/node-4'), agentPort: 9, incarnation: 'i4' });
    of.boot('node-4');
    expect((await finished(of, add.id)).state).toBe('succeeded');
    expect(of.store.configuration.voters.map((voter) => voter.id)).toContain('node-4');
    await until('it is a voter', () => (of.record.voterSet.members.includes('node-4') ? true : undefined));
    const remove = await of.leader.handle('operation.start', params({ kind: 'remove-node', node: 'node-4' }));
    expect((await finished(of, remove.id)).state).toBe('succeeded');
    expect(of.store.entries.has('nodes/node-4')).toBe(false);
    expect(of.store.configuration.voters.map((voter) => voter.id)).not.toContain('node-4');
    expect(of.record.voterSet.members).not.toContain('node-4');
  });

  it('rolls a change of settings over the standbys, a switchover and the old primary', async () => {
    const of = await begin();
    const request: OperationRequest = {
      kind: 'change-settings',
      group: groupName,
      settings: { max_connections: '200' },
    };
    const begun = await of.leader.handle('operation.start', params(request));
    expect((await finished(of, begun.id)).state).toBe('succeeded');
    expect(of.record.settings).toEqual({ max_connections: '200' });
    const restarts = of.commands.filter((command) => command.includes('agent.restart'));
    expect(restarts).toEqual(['node-2 agent.restart', 'node-3 agent.restart', 'node-1 agent.restart']);
    expect(of.lostRows()).toEqual([]);
  });

  it('refuses a setting that the servers do not have, in the preview and in the run', async () => {
    const of = await begin();
    const request = (name: string): OperationRequest => ({
      kind: 'change-settings',
      group: groupName,
      settings: { [name]: '8MB' },
    });
    for (const method of ['operation.plan', 'operation.start'] as const) {
      await expect(of.leader.handle(method, params(request('work_memm')))).rejects.toMatchObject({
        code: 'INVALID_INPUT',
        details: { reasons: [{ rule: 'setting-known' }] },
      });
    }
    expect((await of.leader.handle('operation.plan', params(request('work_mem')))).error).toBeNull();
  });

  it('creates a slot with its copies and drops it again, and tells what an agent saw of slots', async () => {
    const of = await begin();
    const slot = {
      name: 'feed',
      type: 'logical',
      plugin: 'pgoutput',
      database: 'app',
      failover: true,
      twoPhase: false,
    } as const;
    const created = await of.leader.handle('operation.start', params({ kind: 'create-slot', group: groupName, slot }));
    const done = await finished(of, created.id);
    expect(done.steps.map((step) => step.state)).toEqual(['succeeded', 'succeeded']);
    expect(done.steps[1]!.detail).toBe('node-2, node-3 hold a copy.');
    expect(of.node('node-1').slots.map((one) => one.name)).toEqual(['feed']);
    await expect(
      of.leader.handle('operation.start', params({ kind: 'create-slot', group: groupName, slot })),
    ).rejects.toMatchObject({ code: 'CONFLICT', details: { reasons: [{ rule: 'slot-name-taken' }] } });
    const request: OperationRequest = { kind: 'drop-slot', group: groupName, node: 'node-1', name: 'feed' };
    const dropped = await of.leader.handle('operation.start', params(request));
    expect((await finished(of, dropped.id)).steps[0]!.detail).toBe('feed is gone from node-1.');
    expect(of.node('node-1').slots).toEqual([]);

    const change = { kind: 'created', slot: { ...slot, ...(done.steps[0]!.result as object) }, at: 'then' } as never;
    const notice = { node: 'node-1', group: groupName, life: 'l', changes: [change] };
    const [other] = [...of.controllers.values()].filter(({ controller }) => controller !== of.leader);
    expect(() => other!.controller.slotNotice(notice)).toThrow('does not lead');
    of.leader.slotNotice(notice);
    expect(of.leader.events.since('').events.map((event) => event.eventType)).toContain('slot_created');
  });

  it('changes the commit mode and waits until the rule holds', async () => {
    const of = await begin();
    const request: OperationRequest = {
      kind: 'configure-replication',
      group: groupName,
      mode: 'synchronous',
      standbys: ['node-2', 'node-3'],
      settings: {},
    };
    const begun = await of.leader.handle('operation.start', params(request));
    expect((await finished(of, begun.id)).state).toBe('succeeded');
    expect(of.record).toMatchObject({ mode: 'synchronous', voterSet: { members: ['node-2', 'node-3'], k: 2 } });
  });
});

describe('without a leader', () => {
  it('shows a group that goes on in fail-safe as writable, from what each node hears of the others', async () => {
    const of = await begin();
    const { controller } = of.controllers.get('node-2')!;
    expect(controller.view().groups[0]?.writable).toBe(false);
    of.store.leader = null;
    of.store.hasQuorum = false;
    for (const node of of.nodes.values()) controller.ingest(of.report(node));
    controller.refresh();
    const view = controller.view();
    expect(view.raft).toMatchObject({ leader: null, hasQuorum: false });
    expect(view.groups[0]).toMatchObject({ writable: true, readable: true });
    expect(view.problems.map((problem) => problem.rule)).toContain('control-quorum-lost');
  });

  it('shows who fell silent since', async () => {
    const of = await begin();
    const { controller } = of.controllers.get('node-2')!;
    of.store.leader = null;
    for (const node of of.nodes.values()) controller.ingest(of.report(node));
    // Reports may be 2.5 s old before a node counts as silent.
    await until('node-1 is shown as silent', () =>
      controller.view().nodes.find((node) => node.record.id === 'node-1')!.status === 'unhealthy' ? true : undefined,
    );
    expect(controller.view().groups[0]?.writable).toBe(false);
  });

  it('and takes what it heard along when it is elected', async () => {
    const of = await begin();
    const { controller } = of.controllers.get('node-2')!;
    of.store.leader = null;
    for (const node of of.nodes.values()) controller.ingest(of.report(node));
    for (const node of of.nodes.values()) node.alive = false;
    of.store.lead('node-2');
    expect(controller.view().groups[0]?.writable).toBe(true);
  });
});

describe('configuration and records', () => {
  it('adjusts dependants and survives in the store; each agent brings it into force', async () => {
    const of = await begin();
    const { config, adjusted } = await of.leader.handle('config.put', {
      patch: { electionTimeoutMs: 3_000 },
      requester,
    });
    expect(adjusted).toEqual(['lease_ms']);
    expect(config.leaseMs).toBe(6_000);
    // Not by the leader alone and at once: agents go there step by step (node/timing-change.ts).
    expect(of.store.value<ClusterConfig>('config').leaseMs).toBe(6_000);
    await expect(of.leader.handle('config.put', { patch: { leaseMs: 1 }, requester })).rejects.toMatchObject({
      code: 'INVALID_INPUT',
    });
  });

  it('pauses automatic failover with the name of who did it', async () => {
    const of = await begin();
    const record = await of.leader.handle('group.put', {
      group: groupName,
      patch: { automaticFailover: false },
      requester,
    });
    expect(record).toMatchObject({ automaticFailover: false, automaticFailoverPausedBy: 'tester' });
    const resumed = await of.leader.handle('group.put', {
      group: groupName,
      patch: { automaticFailover: true },
      requester,
    });
    expect(resumed.automaticFailoverPausedBy).toBeNull();
    await expect(of.leader.handle('group.put', { group: 'nope', patch: {}, requester })).rejects.toMatchObject({
      code: 'NOT_FOUND',
    });
  });

  it('answers only while it leads', async () => {
    const of = await begin();
    const follower = of.controllers.get('node-1')!.controller;
    await expect(follower.handle('view.get', {})).rejects.toMatchObject({ details: { clusterCode: 'CLU_NOT_LEADER' } });
    expect(follower.view().nodes).toHaveLength(3);
  });

  it('takes a lock off that belongs to nobody', async () => {
    const of = await begin();
    of.store.put(`groups/${groupName}`, { ...of.record, operation: '00000000-dead' });
    await until('the group is free', () => (of.record.operation === null ? true : undefined));
  });

  it('tells operations, changes of health and leaders as events', async () => {
    const of = await begin();
    const types: string[] = [];
    of.leader.events.subscribe((event) => types.push(event.eventType));
    const begun = await of.leader.handle('operation.start', params(switchover));
    await finished(of, begun.id);
    await until('its end is told', () => (types.includes('failover_completed') ? true : undefined));
    expect(types).toEqual(
      expect.arrayContaining(['operation_started', 'failover_initiated', 'operation_step', 'operation_completed']),
    );
    of.node('node-2').alive = false;
    await pollUntil(
      async () => {
        const history = await of.leader.handle('health.history', { limit: 10 });
        return history.some((entry) => entry.node === 'node-2' && entry.to === 'unhealthy') ? true : undefined;
      },
      { timeoutMs: 10_000, intervalMs: 10, what: 'silence is told' },
    );
    expect(types).toContain('node_health_change');
  });

  it('tells positions of the WAL to who listens, once a second at most, and keeps none of them', async () => {
    const of = await begin();
    const told: { at: number; lsn: unknown }[] = [];
    of.leader.events.subscribe(({ eventType, payload, timestamp }) => {
      if (eventType === 'wal_position_update') told.push({ at: Date.parse(timestamp), lsn: payload.lsn });
    });
    await until('two of them', () => (told.length >= 2 ? true : undefined));
    expect(told[1]!.at - told[0]!.at).toBeGreaterThan(800);
    expect(told[1]!.lsn).not.toBe(told[0]!.lsn);
    const kept = of.leader.events.since('0').events.map((event) => event.eventType);
    expect(kept).not.toContain('wal_position_update');
  });

  it('tells that a standby stopped following, and nothing of the kind for a change of primary on purpose', async () => {
    const of = await begin();
    const told: unknown[] = [];
    of.leader.events.subscribe(({ eventType, payload }) => {
      if (eventType === 'replication_error') told.push([payload.replica_id, payload.cause]);
    });
    const begun = await of.leader.handle('operation.start', params(switchover));
    const { chosen } = await finished(of, begun.id);
    await until('all are healthy', () =>
      of.leader.view().nodes.every((node) => node.status === 'healthy') ? true : undefined,
    );
    expect(told).toEqual([]);
    const standby = ['node-1', 'node-2', 'node-3'].find((id) => id !== chosen)!;
    of.node(standby).promisedEpoch = 99;
    await until('it is told', () => (told.length > 0 ? true : undefined));
    expect(told).toEqual([[standby, 'wal_receiver_gone']]);
  });

  it('a member that is changed did not join, and one that leaves is told with its group', async () => {
    const of = await begin();
    const told: unknown[] = [];
    of.leader.events.subscribe(({ eventType, payload }) => {
      if (eventType.startsWith('node_')) told.push([eventType, payload.node_id, payload.group]);
    });
    await of.leader.handle('node.put', { node: 'node-2', patch: { priority: 7 }, requester });
    expect(told).toEqual([]);
    const gone = { compare: [], mutations: [{ kind: 'delete' as const, key: 'nodes/node-2' }] };
    await of.leader.handle('store.txn', gone);
    await until('it is told', () => (told.length > 0 ? true : undefined));
    expect(told).toEqual([['node_left', 'node-2', groupName]]);
  });

  it('what changed about health is known to the next leader, what it did not hear included, and after a restart', async () => {
    const of = await begin();
    const known = async () => (await of.leader.handle('health.history', { limit: 50 })).map((one) => one.node);
    const tells = (what: string, node: string) =>
      pollUntil(async () => ((await known()).includes(node) ? true : undefined), {
        timeoutMs: 10_000,
        intervalMs: 10,
        what,
      });
    const others = [...of.controllers.keys()].filter((id) => id !== of.store.leader);
    const [deaf, other] = others as [string, string];
    of.node(deaf).alive = false;
    await tells('its silence', deaf);
    of.node(deaf).alive = true;
    of.store.lead(deaf);
    await tells('what was told while it was away', deaf);
    expect((await of.controllers.get(other)!.controller.keptHealth({ limit: 50 })).map((one) => one.node)).toContain(
      deaf,
    );
    await of.stop();
    const again = new SimulatedWorld({ archiveDirectory: directory });
    world = again;
    again.start();
    expect((await again.leader.handle('health.history', { limit: 50 })).map((one) => one.node)).toContain(deaf);
  });
});
