import pino from 'pino';
import { afterEach, expect, it, vi } from 'vitest';
import { systemLoop } from '../kernel/loop';
import type { SlotInfo, SlotNotice } from '../replication/model';
import { serverSlots, slot } from '../testing/slot-fixture';
import type { NodeContext } from './node-context';
import { SlotWatch } from './slot-watch';

let watch: SlotWatch | null = null;
afterEach(() => {
  watch?.stop();
  watch = null;
});

/** A server whose slots the test changes, and a leader that may be away. */
function begin(first: readonly SlotInfo[]) {
  const world = { slots: first, state: 'primary', away: false, looks: 0, notices: [] as SlotNotice[] };
  const context = {
    config: { nodeId: 'node-1', group: 'alpha' },
    loop: systemLoop,
    logger: pino({ level: 'silent' }),
    reports: {
      get last() {
        return { state: world.state };
      },
    },
    postgres: {
      slots: async () => {
        world.looks++;
        return serverSlots(world.slots);
      },
    },
  } as unknown as NodeContext;
  const of = new SlotWatch(context, async (notice) => {
    if (world.away) throw new Error('no leader');
    world.notices.push(notice);
  });
  watch = of;
  const look = async () => {
    const before = world.looks;
    of.look();
    if (world.state === 'primary') await vi.waitFor(() => expect(world.looks).toBeGreaterThan(before));
    await new Promise((done) => setImmediate(done));
  };
  return { world, look };
}

const told = (notices: readonly SlotNotice[]) =>
  notices.flatMap((notice) => notice.changes.map((change) => `${change.kind} ${change.slot.name}`));

it('tells what changed since the first look, and nothing of what was there before', async () => {
  const { world, look } = begin([slot('old')]);
  await look();
  expect(world.notices).toEqual([]);
  world.slots = [slot('old', { active: true }), slot('new')];
  await look();
  expect(told(world.notices)).toEqual(['active old', 'created new']);
});

it('keeps what no leader took, in order, and sends it once one is there', async () => {
  const { world, look } = begin([]);
  await look();
  world.away = true;
  world.slots = [slot('a')];
  await look();
  world.slots = [];
  await look();
  expect(world.notices).toEqual([]);
  world.away = false;
  await look();
  expect(told(world.notices)).toEqual(['created a', 'dropped a']);
  await look();
  expect(world.notices).toHaveLength(1);
});

it('does not take a server that is down for one without slots', async () => {
  const { world, look } = begin([slot('a')]);
  await look();
  world.state = 'stopped';
  await look();
  world.state = 'primary';
  await look();
  expect(world.notices).toEqual([]);
});
