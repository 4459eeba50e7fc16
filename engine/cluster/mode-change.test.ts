import { describe, expect, it } from 'vitest';
import { systemLoop } from '../kernel/loop';
import type { Requester } from '../runtime/engine-api';
import { cluster } from '../testing/cluster-fixture';
import { MemoryStore } from '../testing/memory-store';
import { decide } from './failure-detector';
import { LeaderMethods } from './leader-methods';
import { type CommitMode, type GroupRecord, keys } from './model';

const operator: Requester = { by: 'user:olga', reason: null, requestId: null, admin: false };
const admin: Requester = { ...operator, by: 'user:anna', admin: true };

/** The leader over one group, as it stands when its primary and a voter are gone, or when it has degraded. */
function leader(change: Partial<GroupRecord> = {}) {
  const snapshot = cluster({ group: change });
  const store = new MemoryStore();
  const { record } = snapshot.groups.get('alpha')!;
  store.put(keys.group('alpha'), record);
  store.put(keys.config, snapshot.config);
  store.put(keys.level, { level: 2, sealing: null, release: '0.2.0', at: '', hold: null });
  store.configuration = { voters: snapshot.raft.configuration.voters, learners: [] };
  const state = {
    config: snapshot.config,
    groupNames: () => ['alpha'],
    groupRecord: () => store.value<GroupRecord>(keys.group('alpha')),
  };
  const methods = new LeaderMethods(store.as('node-3'), state as never, systemLoop);
  return { methods, record: () => store.value<GroupRecord>(keys.group('alpha')) };
}

/** What the detector makes of a dead primary with one lagging standby left. */
function promoted(record: GroupRecord): string | null {
  const nodes = { 'node-1': { ageMs: null }, 'node-2': { ageMs: null }, 'node-3': { postgres: { lsn: '0/3100000' } } };
  const snapshot = cluster({ group: record, nodes, leaseRemainingMs: -10 });
  const decision = decide({ snapshot, group: snapshot.groups.get('alpha')!, exit: null });
  return decision.kind === 'fail-over' ? (decision.plan.chosen ?? null) : null;
}

const off = { syncReplication: false };

describe('sync_replication: false', () => {
  it.each<[string, Partial<GroupRecord>]>([
    ['whose primary and a voter are dead', {}],
    ['that degraded', { promotable: 'none' }],
  ])('by an operator gives nothing up of a group %s', async (_, change) => {
    const { methods, record } = leader(change);
    await methods.putConfig({ patch: off, requester: operator }).catch(() => undefined);
    expect(record().mode).toBe('semi_synchronous');
    expect(promoted(record())).toBeNull();
  });

  it('is refused to an operator, and to an admin who does not say allow_data_loss; the refusal changes nothing', async () => {
    const { methods, record } = leader();
    const before = record();
    await expect(methods.putConfig({ patch: off, requester: operator })).rejects.toMatchObject({ code: 'FORBIDDEN' });
    const forced = { patch: off, requester: operator, allowDataLoss: true };
    await expect(methods.putConfig(forced)).rejects.toMatchObject({ code: 'FORBIDDEN' });
    await expect(methods.putConfig({ patch: off, requester: admin })).rejects.toMatchObject({ code: 'CONFLICT' });
    expect(record()).toEqual(before);
  });

  it('by an admin is a wish: until the holder has brought the group there, promotions follow the old rules', async () => {
    const { methods, record } = leader();
    await methods.putConfig({ patch: off, requester: admin, allowDataLoss: true });
    expect(record()).toMatchObject({ mode: 'semi_synchronous', wantedMode: 'asynchronous' });
    expect(promoted(record())).toBeNull();
  });

  it('and true again before the holder acted takes the wish back', async () => {
    const { methods, record } = leader();
    await methods.putConfig({ patch: off, requester: admin, allowDataLoss: true });
    await methods.putConfig({ patch: { syncReplication: true }, requester: operator });
    expect(record()).toMatchObject({ mode: 'semi_synchronous', wantedMode: null });
  });

  it('the way back is a wish too: an asynchronous group fails over by its own rules until a voter has everything', async () => {
    const { methods, record } = leader({ mode: 'asynchronous' as CommitMode, voterSet: { members: [], k: 0 } });
    await methods.putConfig({ patch: { syncReplication: true }, requester: operator });
    expect(record()).toMatchObject({ mode: 'asynchronous', wantedMode: 'semi_synchronous' });
    expect(promoted(record())).toBe('node-3');
  });
});

it('only an admin lets a group that waits for standbys acknowledge alone', async () => {
  const { methods } = leader({ onNoStandby: 'wait' });
  const patch = { onNoStandby: 'degrade' } as const;
  await expect(methods.putGroup({ group: 'alpha', patch, requester: operator })).rejects.toMatchObject({
    code: 'FORBIDDEN',
  });
  await expect(methods.putGroup({ group: 'alpha', patch, requester: admin })).resolves.toMatchObject(patch);
});
