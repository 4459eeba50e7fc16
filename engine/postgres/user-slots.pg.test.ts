/** Slots of users on real servers: made, refused, dropped, copied to a standby, and what a change of primary really makes of them. */
import { afterAll, afterEach, beforeAll, describe, expect, it } from 'vitest';
import { pollUntil } from '../kernel/async';
import { enginePrefix } from '../replication/core/slot-rules';
import type { SlotSpec } from '../replication/model';
import { PgFixture, type TestNode } from '../testing/pg-fixture';
import { withFreshSession } from './connection';
import { slotName } from './settings';

let fixture: PgFixture;
beforeAll(async () => {
  fixture = await PgFixture.create();
});
afterEach(() => fixture.reset());
afterAll(() => fixture.close());

const physical = (name: string): SlotSpec => ({
  name,
  type: 'physical',
  plugin: null,
  database: null,
  failover: false,
  twoPhase: false,
});
const logical = (name: string, more: Partial<SlotSpec> = {}): SlotSpec => ({
  ...physical(name),
  type: 'logical',
  plugin: 'test_decoding',
  database: 'app',
  ...more,
});

async function slotOf(node: TestNode, name: string) {
  return (await node.server.slots()).slots.find((slot) => slot.name === name);
}

/** What a consumer does: it reads, and says that it has. */
function consume(node: TestNode, slot: string) {
  const { paths, port, passwords } = node.configuration;
  const endpoint = { socketDirectory: paths.socketDirectory, port, password: passwords.superuser, purpose: 'test' };
  return withFreshSession({ ...endpoint, database: 'app' }, (client) =>
    client.query('SELECT lsn FROM pg_logical_slot_get_changes($1, NULL, NULL)', [slot]),
  );
}

describe('one server', () => {
  it('reports its slots, what they keep and what they may', async () => {
    const { server } = await fixture.primary('slots-0');
    await server.createSlot(physical('feed'));
    await server.switchWal();
    const { slots, slotWalKeepBytes } = await pollUntil(
      async () => {
        const report = await server.report();
        return report.slots?.some((slot) => slot.name === 'feed') ? report : undefined;
      },
      { timeoutMs: 15_000, intervalMs: 20, what: 'the slot is reported' },
    );
    expect(slotWalKeepBytes).toBe(4 * 1024 ** 3);
    const feed = slots!.find((slot) => slot.name === 'feed')!;
    expect(feed).toMatchObject({ active: false, synced: false, walStatus: 'reserved', invalidationReason: null });
    expect(feed.retainedBytes).toBeGreaterThan(0);
  });

  it('makes, shows and drops slots of both kinds, and says why it does not', async () => {
    const one = await fixture.primary('slots-1');
    const { server } = one;
    const made = await server.createSlot(physical('standby_backup'));
    expect(made).toMatchObject({
      type: 'physical',
      active: false,
      walStatus: 'reserved',
      failover: false,
      synced: false,
    });
    expect(made.restartLsn).toMatch(/^[0-9A-F]+\/[0-9A-F]+$/);
    const decoded = await server.createSlot(logical('changes', { twoPhase: true }));
    expect(decoded).toMatchObject({ type: 'logical', plugin: 'test_decoding', database: 'app', twoPhase: true });
    expect(decoded.confirmedFlushLsn).not.toBeNull();
    const all = await server.slots();
    expect(all).toMatchObject({ inRecovery: false, walLevel: 'logical', slotLimit: 32, walKeepBytes: 4 * 1024 ** 3 });
    expect(all.databases).toEqual(['app', 'postgres']);
    expect(all.slots.map((slot) => slot.name)).toEqual(['changes', 'standby_backup']);

    await expect(server.createSlot(physical('changes'))).rejects.toMatchObject({
      code: 'CONFLICT',
      details: { reasons: [{ rule: 'slot-name-taken' }] },
    });
    await expect(server.createSlot(logical('a', { plugin: 'no_such_plugin' }))).rejects.toMatchObject({
      code: 'INVALID_INPUT',
    });
    await expect(server.createSlot(logical('a', { database: 'nowhere' }))).rejects.toMatchObject({
      code: 'INVALID_INPUT',
    });

    // The engine's round of its own slots leaves them alone, and nobody drops the engine's here.
    await server.keepSlots(['slots-2'], {});
    await expect(server.dropSlot(`${enginePrefix}slots_2`)).rejects.toMatchObject({ code: 'CONFLICT' });
    await server.keepSlots([], {});
    expect((await server.slots()).slots.map((slot) => slot.name)).toEqual(['changes', 'standby_backup']);

    expect(await server.dropSlot('changes')).toBe(true);
    expect(await server.dropSlot('changes')).toBe(false);
  });

  it('gives a logical slot up when a transaction does not end, and names it', async () => {
    const one = await fixture.primary('busy-1');
    const client = await fixture.client(one);
    await client.query('CREATE TABLE t (n int)');
    await client.query('BEGIN; INSERT INTO t VALUES (1)');
    await expect(one.server.createSlot(logical('late'))).rejects.toMatchObject({
      code: 'TIMEOUT',
      details: { reasons: [{ rule: 'transactions-end' }] },
    });
    await client.query('COMMIT');
    await client.end();
    expect(await slotOf(one, 'late')).toBeUndefined();
    expect((await one.server.createSlot(logical('late'))).name).toBe('late');
  });
});

describe('a change of primary', () => {
  it('copies failover slots, leaves the others behind, and does not let the leftovers stop the copying', async () => {
    const one = await fixture.primary('move-1');
    const two = await fixture.standby('move-2', one);
    await one.server.keepSlots(['move-2'], {});
    await one.server.createSlot(physical('archive'));
    await one.server.createSlot(logical('plain'));
    await one.server.createSlot(logical('moves', { failover: true }));
    expect(await two.server.waitForSlotCopy('moves', 10_000)).toBe(true);
    expect(await slotOf(two, 'moves')).toMatchObject({ synced: true, temporary: false });
    expect(await slotOf(two, 'archive')).toBeUndefined();
    expect(await slotOf(two, 'plain')).toBeUndefined();

    await one.server.stop('fast', 10_000);
    await two.server.stopReceiving(5000);
    await two.server.setRole('primary', 600_000);
    await two.server.promote(5000);
    await two.server.keepSlots(['move-1'], {});
    expect(await slotOf(two, 'moves')).toMatchObject({ type: 'logical', temporary: false, failover: true });

    one.proxy.target = two.configuration.port;
    await one.server.start('standby', { slot: slotName('move-1'), timeoutMs: 10_000 });
    await one.server.waitForReplay(await two.server.currentLsn(), 10_000);
    // Physical slots and logical ones without failover stay where they were; the leftover of the copied one stops the copying.
    const left = (await one.server.slots()).slots.filter((slot) => !slot.name.startsWith(enginePrefix));
    expect(left.map(({ name, synced, active }) => [name, synced, active])).toEqual([
      ['archive', false, false],
      ['moves', false, false],
      ['plain', false, false],
    ]);
    expect(await one.server.keepSlotCopies(['moves', 'plain'])).toEqual({
      dropped: ['moves'],
      missing: ['moves', 'plain'],
    });
    expect(await one.server.waitForSlotCopy('moves', 30_000)).toBe(true);
    expect(await slotOf(one, 'archive')).toMatchObject({ synced: false });
    // What was written on the new primary comes out of the slot that followed.
    const client = await fixture.client(two);
    await client.query('CREATE TABLE after_the_move (n int)');
    await client.query('INSERT INTO after_the_move VALUES (1)');
    await client.end();
    expect((await consume(two, 'moves')).rows.length).toBeGreaterThan(0);
    // A new copy of the old primary has none of what stayed behind.
    await one.server.stop('fast', 10_000);
    const slot = slotName('move-1');
    await one.server.baseBackup({ slot, onProgress: () => undefined, signal: new AbortController().signal });
    await one.server.start('standby', { slot, timeoutMs: 10_000 });
    await one.server.waitForReplay(await two.server.currentLsn(), 10_000);
    expect((await one.server.slots()).slots.filter((held) => !held.synced)).toEqual([]);
  });
});
