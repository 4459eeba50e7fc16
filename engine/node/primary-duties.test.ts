import pino from 'pino';
import { describe, expect, it } from 'vitest';
import type { VoterSet } from '../cluster/core/voter-set';
import { type GroupRecord, keys, type NodeRecord, type OtherSender, type PostgresReport } from '../cluster/model';
import type { Txn } from '../control/store';
import { systemLoop } from '../kernel/loop';
import { EarlierLife } from './earlier-life';
import type { LeaseHolder } from './lease-holder';
import type { NodeContext } from './node-context';
import { PrimaryDuties } from './primary-duties';

const record = {
  name: 'alpha',
  mode: 'semi_synchronous',
  epoch: 3,
  primary: 'a',
  voterSet: { members: ['b', 'c'], k: 1 },
  promotable: 'voters',
  onNoStandby: 'degrade',
  timeline: 1,
  systemIdentifier: '7',
  timelineHistory: [{ epoch: 3, timeline: 1, startLsn: '0/0', primary: 'a', at: '' }],
} as unknown as GroupRecord;

const report = {
  state: 'primary',
  lsn: '0/100',
  timeline: 1,
  waitingCommits: 0,
  synchronousStandbyNames: 'ANY 1 ("b")',
  senders: ['b', 'c'].map((applicationName) => ({
    applicationName,
    state: 'streaming',
    flushLsn: '0/100',
    replayLsn: '0/100',
    replyTime: null,
  })),
} as unknown as PostgresReport;

const asSet = { ...report, synchronousStandbyNames: 'ANY 1 ("b","c")' };

/** The store and PostgreSQL as far as the primary's duties see them; `done` is what happened, in order. */
function scene() {
  const done: string[] = [];
  const directory = { moved: false };
  let entry = { key: keys.group('alpha'), value: record as unknown, modRevision: 20 };
  const nodes = ['a', 'b', 'c'].map((id) => ({
    key: keys.node(id),
    value: { id, group: 'alpha', maintenance: false, priority: 100, wanted: 'running' } as unknown as NodeRecord,
    modRevision: 1,
  }));
  const context = {
    config: { nodeId: 'a', group: 'alpha' },
    loop: systemLoop,
    logger: pino({ level: 'silent' }),
    store: {
      get: async () => entry,
      localGet: (key: string) => (key === entry.key ? entry : (nodes.find((node) => node.key === key) ?? null)),
      localList: () => nodes,
      txn: async (txn: Txn) => {
        const succeeded = txn.compare[0]!.modRevision === entry.modRevision;
        const [put] = txn.mutations;
        if (succeeded && put?.kind === 'put')
          entry = { ...entry, value: put.value, modRevision: entry.modRevision + 1 };
        const { voterSet } = entry.value as GroupRecord;
        done.push(`store ${succeeded ? entry.modRevision : 'refused'} ${voterSet.members.join()}`);
        return { succeeded };
      },
    },
    reports: { invalidate: () => undefined },
    postgres: {
      configuration: {},
      endSenders: async (senders: readonly { name: string }[]) =>
        void done.push(`end ${senders.map((one) => one.name).join()}`),
      setSynchronousStandbys: async (members: readonly string[], k: number) =>
        void done.push(`postgres ${k} of ${members.join()}`),
      currentLsn: async () => '0/100',
      dataMovedAway: () => directory.moved,
      keepSlots: async () => undefined,
      endSlotHolds: async () => [],
      setSynchronizedStandbySlots: async () => undefined,
    },
  } as unknown as NodeContext;
  const lease = { holds: () => true } as unknown as LeaseHolder;
  const lateWrite = (expected: number, voterSet: VoterSet) =>
    context.store.txn({
      compare: [{ key: entry.key, modRevision: expected }],
      mutations: [{ kind: 'put', key: entry.key, value: { ...record, voterSet } as never }],
    });
  return { context, lease, done, lateWrite, directory };
}

describe('duties of the primary', () => {
  it('shut out what an earlier life of the agent still has on its way before PostgreSQL’s setting changes', async () => {
    const { context, lease, done, lateWrite } = scene();
    const duties = new PrimaryDuties(context, lease, new EarlierLife(context));
    await duties.cycle(report, performance.now(), false);
    expect(done).toEqual(['postgres 1 of b', 'store 21 b,c', 'postgres 1 of b,c']);
    await lateWrite(20, { members: ['b'], k: 1 });
    expect(done.at(-1)).toBe('store refused b,c');
  });

  it('change nothing once the data was moved away: the standbys that have everything may still take over', async () => {
    const { context, lease, done, directory } = scene();
    const duties = new PrimaryDuties(context, lease, new EarlierLife(context));
    directory.moved = true;
    for (let look = 0; look < 3; look++)
      await duties.cycle({ ...report, senders: [] }, context.loop.now() + look * 10_000, false);
    expect(done.filter((one) => !one.startsWith('end '))).toEqual([]);
    directory.moved = false;
    await duties.cycle(report, context.loop.now(), false);
    expect(done).not.toEqual([]);
  });

  it('write the record for that only once in a life', async () => {
    const { context, lease, done } = scene();
    const duties = new PrimaryDuties(context, lease, new EarlierLife(context));
    await duties.cycle(report, performance.now(), false);
    done.length = 0;
    await duties.cycle(asSet, performance.now(), false);
    expect(done).toEqual([]);
  });

  it('let go of the voters when the list was changed by hand, and take them back behind a new barrier', async () => {
    const { context, lease, done } = scene();
    const duties = new PrimaryDuties(context, lease, new EarlierLife(context));
    const cycle = (seen: PostgresReport) => duties.cycle(seen, context.loop.now(), false);
    await cycle(report);
    await cycle(asSet);
    done.length = 0;
    await cycle({ ...asSet, synchronousStandbyNames: '' });
    expect(done).toEqual(['store 22 b,c']);
    expect((await context.store.get(keys.group('alpha')))?.value).toMatchObject({ promotable: 'none' });
    expect(duties.troubles.join()).toContain('changed by hand');
    await cycle({ ...asSet, synchronousStandbyNames: '' });
    expect(done.slice(1)).toEqual(['postgres 0 of ', 'postgres 1 of b,c']);
    for (let i = 0; i < 3; i++) await cycle(asSet);
    expect((await context.store.get(keys.group('alpha')))?.value).toMatchObject({ promotable: 'voters' });
    await cycle(asSet);
    expect(duties.troubles).toEqual([]);
  });

  it('end a session with a member’s name, and count nothing that it said', async () => {
    const { context, lease, done } = scene();
    const duties = new PrimaryDuties(context, lease, new EarlierLife(context));
    await duties.cycle(report, context.loop.now(), false);
    done.length = 0;
    const feed = { name: 'B', user: 'feed', pid: 7, state: 'streaming', counts: true } as OtherSender;
    await duties.cycle({ ...asSet, otherSenders: [feed] }, context.loop.now(), false);
    expect(done).toEqual(['end B', 'store 22 b,c']);
    expect((await context.store.get(keys.group('alpha')))?.value).toMatchObject({ promotable: 'none' });
    expect(duties.troubles.join()).toContain('role feed (pid 7)');
  });
});

it('a standby that says for a lease that its replay stands is taken out of the names, PostgreSQL first', async () => {
  const { context, lease, done } = scene();
  let now = 1_000;
  const at = { ...context, loop: { ...systemLoop, now: () => now } } as NodeContext;
  const duties = new PrimaryDuties(at, lease, new EarlierLife(at));
  duties.promoted(3, record.voterSet);
  await duties.cycle(asSet, now, false);
  expect(done.filter((line) => line.startsWith('postgres'))).toEqual([]);
  for (; now <= 3_500; now += 500) {
    duties.replayStands('b');
    await duties.cycle(asSet, now, false);
  }
  expect(done.find((line) => line.startsWith('postgres'))).toBe('postgres 1 of c');
});
