import { describe, expect, it } from 'vitest';
import type { NodeSlots, SlotSpec } from '../../replication/model';
import { cluster, type FixtureOptions } from '../../testing/cluster-fixture';
import { serverSlots, slot } from '../../testing/slot-fixture';
import type { OperationRequest } from '../model';
import { planOperation } from './plan';

const physical: SlotSpec = {
  name: 'archive',
  type: 'physical',
  plugin: null,
  database: null,
  failover: false,
  twoPhase: false,
};
const logical: SlotSpec = { ...physical, name: 'feed', type: 'logical', plugin: 'pgoutput', database: 'app' };
const own = [slot('rustydb_node_2', { active: true, activePid: 7 }), slot('rustydb_node_3')];

type Held = Readonly<Record<string, NodeSlots>>;
const held: Held = { 'node-1': serverSlots(own), 'node-2': serverSlots([], { inRecovery: true }) };

const plan = (request: OperationRequest, slots: Held = held, options: FixtureOptions = {}) =>
  planOperation(request, cluster(options), { admin: false, slots: new Map(Object.entries(slots)) });
const create = (spec: Partial<SlotSpec>, slots: Held = held, options: FixtureOptions = {}) =>
  plan({ kind: 'create-slot', group: 'alpha', slot: { ...physical, ...spec } }, slots, options);
const drop = (name: string, slots: Held = held, node = 'node-1') =>
  plan({ kind: 'drop-slot', group: 'alpha', node, name }, slots);
const refusal = (of: ReturnType<typeof plan>) =>
  of.refusal && [of.refusal.code, ...of.refusal.reasons.map((reason) => reason.rule)];

describe('creating a slot', () => {
  it('is one step on the primary, and one more that waits for the copies of a failover slot', () => {
    expect(create({}).steps.map((step) => [step.action, step.node])).toEqual([['create-slot', 'node-1']]);
    expect(create({}).refusal).toBeNull();
    expect(create({ ...logical, failover: true }).steps.map((step) => step.action)).toEqual([
      'create-slot',
      'copy-slot',
    ]);
  });

  it('says before what it costs and what a change of primary makes of it', () => {
    const said = (spec: Partial<SlotSpec>) =>
      create(spec).checks.find((one) => one.rule === 'follows-a-change-of-primary');
    expect(said({})).toMatchObject({ severity: 'warning', measured: 'stays behind' });
    expect(said({ ...logical, failover: true })).toMatchObject({
      severity: 'info',
      measured: 'copied to the standbys',
    });
    expect(create({}).checks.find((one) => one.rule === 'keeps-wal')).toMatchObject({ measured: 'at most 4.0 GB' });
    const unlimited = create({}, { 'node-1': serverSlots([], { walKeepBytes: null }) });
    expect(unlimited.checks.find((one) => one.rule === 'keeps-wal')).toMatchObject({ severity: 'warning' });
  });

  it.each([
    ['a name that is none', { name: 'Not-One' }, held, ['INVALID_INPUT', 'slot-name']],
    ['the engine’s prefix', { name: 'rustydb_mine' }, held, ['INVALID_INPUT', 'slot-name-free-to-use']],
    ['a physical one with a plugin', { plugin: 'pgoutput' }, held, ['INVALID_INPUT', 'physical-slot-is-plain']],
    ['a physical one with failover', { failover: true }, held, ['INVALID_INPUT', 'physical-slot-is-plain']],
    ['a path as plugin', { ...logical, plugin: '/tmp/evil' }, held, ['INVALID_INPUT', 'slot-plugin']],
    ['no plugin', { ...logical, plugin: null }, held, ['INVALID_INPUT', 'slot-plugin']],
    ['a database that is not there', { ...logical, database: 'nowhere' }, held, ['INVALID_INPUT', 'slot-database']],
    ['a name that is taken', {}, { 'node-1': serverSlots([slot('archive')]) }, ['CONFLICT', 'slot-name-taken']],
    [
      'too little WAL',
      logical,
      { 'node-1': serverSlots([], { walLevel: 'replica' }) },
      ['CONFLICT', 'wal-level-is-logical'],
    ],
    ['no room beside the members’', {}, { 'node-1': serverSlots(own, { slotLimit: 6 }) }, ['CONFLICT', 'slots-left']],
    ['a server that does not answer', {}, {}, ['CONFLICT', 'server-answers']],
    [
      'a leftover on a standby that would stop the copying',
      { ...logical, failover: true },
      { ...held, 'node-2': serverSlots([slot('feed')]) },
      ['CONFLICT', 'slot-name-free-on-standby'],
    ],
  ] as const)('refuses %s', (_what, spec, slots, expected) => expect(refusal(create(spec, slots))).toEqual(expected));

  it('waits for an operation that has the group, and for a majority', () => {
    expect(refusal(create({}, held, { group: { operation: 'op-1' } }))).toEqual(['CONFLICT', 'no-operation-running']);
    expect(refusal(create({}, held, { hasQuorum: false }))?.[0]).toBe('FORBIDDEN');
  });
});

describe('dropping a slot', () => {
  const users: Held = {
    'node-1': serverSlots([
      ...own,
      slot('archive'),
      slot('busy', { active: true, activePid: 99 }),
      slot('feed', { failover: true }),
    ]),
    'node-2': serverSlots([slot('feed', { failover: true, synced: true }), slot('left')], { inRecovery: true }),
  };

  it('is one step on its node, and says what goes with it', () => {
    const dropped = drop('feed', users);
    expect(dropped.steps.map((step) => [step.action, step.node])).toEqual([
      ['drop-slot', 'node-1'],
      ['drop-copies', null],
    ]);
    expect(drop('archive', users).steps.map((step) => step.action)).toEqual(['drop-slot']);
    expect(dropped.refusal).toBeNull();
    expect(dropped.checks.find((one) => one.rule === 'frees-wal')?.remedy).toContain('copies on node-2 go as well');
    expect(drop('left', users, 'node-2').refusal).toBeNull();
  });

  it.each([
    ['the engine’s', 'rustydb_node_3', 'node-1', ['CONFLICT', 'slot-is-a-users']],
    ['one in use', 'busy', 'node-1', ['CONFLICT', 'slot-not-active']],
    ['a copy', 'feed', 'node-2', ['CONFLICT', 'slot-is-no-copy']],
    ['one that is not there', 'nothing', 'node-1', ['NOT_FOUND']],
  ] as const)('refuses %s', (_what, name, node, expected) =>
    expect(refusal(drop(name, users, node))).toEqual(expected),
  );

  it('does not wait for another operation: it may be what frees a full disk', () => {
    const request: OperationRequest = { kind: 'drop-slot', group: 'alpha', node: 'node-1', name: 'archive' };
    expect(plan(request, users, { group: { operation: 'op-1' } }).refusal).toBeNull();
  });
});

describe('settings that slots depend on', () => {
  const settings = (values: Readonly<Record<string, string | null>>, slots: Held) =>
    refusal(plan({ kind: 'change-settings', group: 'alpha', settings: values }, slots));
  const withLogical: Held = { 'node-2': serverSlots([slot('feed', { type: 'logical' })]) };

  it('are refused where PostgreSQL would not start again', () => {
    expect(settings({ wal_level: 'replica' }, withLogical)).toContain('no-logical-slots');
    expect(settings({ wal_level: 'logical' }, withLogical)).toBeNull();
    expect(settings({ wal_level: 'replica' }, held)).toBeNull();
    expect(settings({ max_replication_slots: '1' }, held)).toContain('slots-fit');
    expect(settings({ max_replication_slots: null }, held)).toBeNull();
  });
});

describe('a switchover', () => {
  const switchover: OperationRequest = { kind: 'failover', group: 'alpha', mode: 'switchover', target: 'node-2' };
  const follow = (slots: Held) => plan(switchover, slots).checks.find((one) => one.rule === 'slots-follow');
  const feed = slot('feed', { type: 'logical', failover: true });
  const copy = serverSlots([slot('feed', { type: 'logical', failover: true, synced: true })], { inRecovery: true });

  it('says which slots of users stay behind, and goes on all the same', () => {
    const slots: Held = { 'node-1': serverSlots([...own, slot('archive'), feed]), 'node-2': copy };
    expect(follow(slots)).toMatchObject({ ok: false, severity: 'warning', measured: 'stays behind: archive' });
    expect(plan(switchover, slots).refusal).toBeNull();
    expect(follow({ 'node-1': serverSlots([feed]), 'node-2': copy })).toMatchObject({ ok: true, measured: 'feed' });
    expect(follow({ 'node-1': serverSlots(own), 'node-2': copy })).toBeUndefined();
  });

  const auto: OperationRequest = { kind: 'failover', group: 'alpha', mode: 'switchover' };
  const none = serverSlots([], { inRecovery: true });
  const halfway = serverSlots([slot('feed', { failover: true, synced: true, temporary: true })], { inRecovery: true });

  it.each([
    ['nobody holds a copy', auto, { 'node-2': none, 'node-3': none }, null],
    ['the target holds none', switchover, { 'node-2': none, 'node-3': copy }, null],
    ['the target’s is not ready', switchover, { 'node-2': halfway, 'node-3': copy }, null],
    ['another one holds it', auto, { 'node-2': none, 'node-3': copy }, 'node-3'],
    ['a member that does not answer holds none', auto, { 'node-3': copy }, 'node-3'],
  ] as const)('goes only to a member with ready copies: %s', (_what, request, others, chosen) => {
    const slots: Held = { 'node-1': serverSlots([feed]), ...others };
    const planned = plan(request, slots);
    expect(planned.chosen).toBe(chosen);
    if (chosen === null) expect(refusal(planned)).toContain('holds-slot-copies');
    else expect(planned.refusal).toBeNull();
  });

  it('lets an admin leave a slot behind, prefers whoever holds it, and says what that means', () => {
    const allowed: OperationRequest = { ...switchover, allowSlotLoss: true };
    const slots = new Map(Object.entries({ 'node-1': serverSlots([feed]), 'node-2': none, 'node-3': copy }));
    expect(refusal(planOperation(allowed, cluster(), { admin: false, slots }))).toEqual(['FORBIDDEN', 'admin-only']);
    const planned = planOperation(allowed, cluster(), { admin: true, slots });
    expect([planned.refusal, planned.chosen]).toEqual([null, 'node-2']);
    expect(planned.checks.find((one) => one.rule === 'slots-follow')).toMatchObject({
      severity: 'warning',
      measured: 'stays behind: feed',
    });
    const open: OperationRequest = { ...auto, allowSlotLoss: true };
    expect(planOperation(open, cluster(), { admin: true, slots }).chosen).toBe('node-3');
  });

  it('is not kept by a slot that is lost already', () => {
    const lost = serverSlots([{ ...feed, invalidationReason: 'wal_removed' }]);
    expect(plan(switchover, { 'node-1': lost, 'node-2': none }).refusal).toBeNull();
  });

  it.each(['restart-node', 'stop-node'] as const)('is part of %s, which keeps to the same rule', (kind) => {
    const request = { kind, node: 'node-1', mode: 'fast' } as OperationRequest;
    const primary = serverSlots([feed]);
    expect(refusal(plan(request, { 'node-1': primary, 'node-2': none, 'node-3': none }))).toContain(
      'holds-slot-copies',
    );
    expect(plan(request, { 'node-1': primary, 'node-2': none, 'node-3': copy }).chosen).toBe('node-3');
  });
});

describe('the last copy of a slot', () => {
  const mine = slot('feed', { type: 'logical', failover: true });
  const slots: Held = { 'node-1': serverSlots(own), 'node-2': serverSlots([mine], { inRecovery: true }) };

  it.each([
    ['a new copy of its node', { kind: 'rejoin-node', node: 'node-2', reclone: true }],
    ['the removal of its node', { kind: 'remove-node', node: 'node-2' }],
  ] as const)('forbids %s', (_what, request) => {
    expect(refusal(plan(request, slots))).toContain('no-last-copy');
    const alsoThere: Held = { ...slots, 'node-1': serverSlots([...own, mine]) };
    expect(refusal(plan(request, alsoThere)) ?? []).not.toContain('no-last-copy');
  });

  it('may be dropped where it is, with those that go with it', () => {
    const both = [slot('feed', { failover: true, synced: true }), slot('other', { failover: true, synced: true })];
    const planned = drop('feed', { ...slots, 'node-2': serverSlots(both, { inRecovery: true }) }, 'node-2');
    expect(planned.refusal).toBeNull();
    expect(planned.checks.find((one) => one.rule === 'last-copy')?.remedy).toContain('other go with it');
  });
});

describe('a failover', () => {
  const report = (name: string, synced: boolean) => ({
    name,
    active: false,
    synced,
    failover: true,
    walStatus: 'reserved',
    retainedBytes: 0,
    invalidationReason: null,
  });
  const request: OperationRequest = {
    kind: 'failover',
    group: 'alpha',
    mode: 'failover',
    automatic: { cause: 'the lease ran out', detectedAt: '', lastServedAt: null },
  };
  const down = { ageMs: 9_000, postgres: { state: 'crashed' as const, slots: null } };
  const failOver = (options: FixtureOptions) =>
    planOperation(request, cluster({ leaseRemainingMs: -1, ...options }), { admin: false });

  it('takes whoever holds the copies among those with the same data, and data first', () => {
    const holder = { postgres: { slots: [report('feed', true)] } };
    expect(failOver({ nodes: { 'node-1': down, 'node-3': holder } }).chosen).toBe('node-3');
    const ahead = { postgres: { lsn: '0/3000100' } };
    const planned = failOver({ nodes: { 'node-1': down, 'node-2': ahead, 'node-3': holder } });
    expect(planned.chosen).toBe('node-2');
    expect(planned.checks.find((one) => one.rule === 'slots-follow')).toMatchObject({
      ok: false,
      severity: 'warning',
      measured: 'no ready copy of feed',
    });
  });
});
