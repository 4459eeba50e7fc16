/** Slots of users on real servers: made, refused, dropped, copied to a standby, and what a change of primary really makes of them. */
import { afterAll, afterEach, beforeAll, describe, expect, it } from 'vitest';
import { pollUntil } from '../kernel/async';
import { enginePrefix } from '../replication/core/slot-rules';
import type { SlotSpec } from '../replication/model';
import { PgFixture, type TestNode } from '../testing/pg-fixture';

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
