/** Copies of failover slots on real servers, through changes of primary in both directions: with idle consumers, and where the new primary has no copy. */
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

const logical = (name: string, more: Partial<SlotSpec> = {}): SlotSpec => ({
  name,
  type: 'logical',
  plugin: 'test_decoding',
  database: 'app',
  failover: true,
  twoPhase: false,
  ...more,
});
const archive: SlotSpec = {
  ...logical('archive', { failover: false }),
  type: 'physical',
  plugin: null,
  database: null,
};

async function slotOf(node: TestNode, name: string) {
  return (await node.server.slots()).slots.find((slot) => slot.name === name);
}

function sql<R extends Record<string, unknown>>(node: TestNode, text: string, values: unknown[] = []) {
  const { paths, port, passwords } = node.configuration;
  const endpoint = { socketDirectory: paths.socketDirectory, port, password: passwords.superuser, purpose: 'test' };
  return withFreshSession(
    { ...endpoint, database: 'app' },
    async (client) => (await client.query<R>(text, values)).rows,
  );
}

/** What a consumer does: it reads, and says that it has. */
const consume = async (node: TestNode, slot: string) =>
  (await sql<{ data: string }>(node, 'SELECT data FROM pg_logical_slot_get_changes($1, NULL, NULL)', [slot]))
    .map((row) => row.data)
    .filter((data) => data.includes('INSERT'))
    .map((data) => Number(/:(\d+)$/.exec(data)![1]));

const copies = (node: TestNode, onPrimary: string[], epoch: number, copiedUnder = epoch, letGo = false) =>
  node.server.keepSlotCopies(
    { onPrimary, epoch, copiedUnder, letGo },
    () => true,
    () => Promise.resolve(),
  );

async function promote(node: TestNode, members: string[]): Promise<void> {
  await node.server.stopReceiving(5000);
  await node.server.setRole('primary', 600_000);
  await node.server.promote(5000);
  await node.server.keepSlots(members, {});
}

async function startBehind(node: TestNode, primary: TestNode): Promise<void> {
  node.proxy.target = primary.configuration.port;
  await node.server.start('standby', { slot: slotName(node.configuration.nodeId), timeoutMs: 10_000 });
  await node.server.waitForReplay(await primary.server.currentLsn(), 10_000);
}

const ready = (node: TestNode, name: string) => node.server.waitForSlotCopy(name, 60_000);

describe('a slot whose consumer is idle', () => {
  it('goes to and fro, and its consumer sees each change once', async () => {
    const one = await fixture.primary('fro-1');
    const two = await fixture.standby('fro-2', one);
    await one.server.keepSlots(['fro-2'], {});
    await one.server.createSlot(logical('feed'));
    await copies(two, ['feed'], 1);
    expect(await ready(two, 'feed')).toBe(true);
    await sql(one, 'CREATE TABLE public.t (n int)');
    await sql(one, 'INSERT INTO public.t VALUES (1)');

    await one.server.stop('fast', 10_000);
    await promote(two, ['fro-1']);
    await sql(two, 'INSERT INTO public.t VALUES (2)');
    await startBehind(one, two);
    // Its own slot is in the way of the copy, and is what the copy starts from.
    expect(await copies(one, ['feed'], 2, 1)).toEqual({
      copying: true,
      kept: [],
      left: [],
      missing: ['feed'],
      exchanged: ['feed'],
    });
    expect(await ready(one, 'feed')).toBe(true);
    expect(await copies(one, ['feed'], 2)).toMatchObject({ missing: [], exchanged: [] });
    expect((await one.server.slots()).slots.map((slot) => slot.name)).toEqual(['feed', slotName('fro-2')].sort());

    await two.server.stop('fast', 10_000);
    await promote(one, ['fro-2']);
    await sql(one, 'INSERT INTO public.t VALUES (3)');
    await startBehind(two, one);
    // What it was promoted with is a copy again, and stays one.
    expect(await copies(two, ['feed'], 3, 1)).toEqual({
      copying: true,
      kept: [],
      left: [],
      missing: [],
      exchanged: [],
    });
    expect(await consume(one, 'feed')).toEqual([1, 2, 3]);
  });

  it('is made again of what held its place, when the promotion comes before the copy', async () => {
    const one = await fixture.primary('hold-1');
    const two = await fixture.standby('hold-2', one);
    await one.server.keepSlots(['hold-2'], {});
    await one.server.createSlot(logical('feed'));
    await copies(two, ['feed'], 1);
    expect(await ready(two, 'feed')).toBe(true);
    await sql(one, 'CREATE TABLE public.t (n int)');
    await sql(one, 'INSERT INTO public.t VALUES (1)');
    await one.server.stop('fast', 10_000);
    await promote(two, ['hold-1']);
    await startBehind(one, two);
    // The primary goes before the worker has begun.
    await two.server.stop('immediate', 10_000);
    expect((await copies(one, ['feed'], 2, 1))?.exchanged).toEqual(['feed']);
    expect(await slotOf(one, 'feed')).toBeUndefined();
    await promote(one, ['hold-2']);
    expect(await one.server.endSlotHolds()).toEqual(['feed']);
    expect(await slotOf(one, 'feed')).toMatchObject({ failover: true, temporary: false, invalidationReason: null });
    expect(await one.server.endSlotHolds()).toEqual([]);
    expect(await consume(one, 'feed')).toEqual([1]);
  });
});

describe('a new primary without a copy', () => {
  it('does not take the copy of another standby with it', async () => {
    const one = await fixture.primary('kept-1');
    const two = await fixture.standby('kept-2', one);
    const three = await fixture.standby('kept-3', one);
    await one.server.keepSlots(['kept-2', 'kept-3'], {});
    await one.server.createSlot(logical('feed'));
    await copies(three, ['feed'], 1);
    expect(await ready(three, 'feed')).toBe(true);
    expect(await slotOf(two, 'feed')).toBeUndefined();
    await sql(one, 'CREATE TABLE public.t (n int)');
    await sql(one, 'INSERT INTO public.t VALUES (1)');

    await one.server.stop('fast', 10_000);
    await two.server.waitForReplay(await three.server.currentLsn(), 10_000);
    await promote(two, ['kept-1', 'kept-3']);
    await three.server.stopReceiving(5000);
    three.proxy.target = two.configuration.port;
    await three.server.follow(slotName('kept-3'));
    await three.server.waitForReplay(await two.server.currentLsn(), 10_000);
    const kept = { copying: false, kept: ['feed'], left: [], missing: [], exchanged: [] };
    expect(await copies(three, [], 2, 1)).toEqual(kept);
    // A new slot of the primary is not copied meanwhile; the old copy is there, and goes when somebody lets it go.
    await two.server.createSlot(logical('other'));
    expect(await copies(three, ['other'], 2, 1)).toEqual({ ...kept, missing: ['other'] });
    expect(await slotOf(three, 'feed')).toMatchObject({ synced: true, temporary: false, invalidationReason: null });
    expect(await copies(three, ['other'], 2, 1, true)).toMatchObject({ copying: true, kept: [] });
    expect(await three.server.waitForNoSlotCopy('feed', 60_000)).toBe(true);
  });
});

describe('slots that are not copied', () => {
  it('stay where they are, and a new copy of the member has none of them', async () => {
    const one = await fixture.primary('move-1');
    const two = await fixture.standby('move-2', one);
    await one.server.keepSlots(['move-2'], {});
    await one.server.createSlot(archive);
    await one.server.createSlot(logical('plain', { failover: false }));
    await one.server.createSlot(logical('moves'));
    await copies(two, ['moves'], 1);
    expect(await ready(two, 'moves')).toBe(true);
    expect(await slotOf(two, 'archive')).toBeUndefined();
    expect(await slotOf(two, 'plain')).toBeUndefined();

    await one.server.stop('fast', 10_000);
    await promote(two, ['move-1']);
    await startBehind(one, two);
    const left = (await one.server.slots()).slots.filter((slot) => !slot.name.startsWith(enginePrefix));
    expect(left.map(({ name, synced }) => [name, synced])).toEqual([
      ['archive', false],
      ['moves', false],
      ['plain', false],
    ]);
    await one.server.stop('fast', 10_000);
    const slot = slotName('move-1');
    await one.server.baseBackup({ slot, onProgress: () => undefined, signal: new AbortController().signal });
    await startBehind(one, two);
    expect((await one.server.slots()).slots.filter((held) => !held.synced)).toEqual([]);
    // A fresh member has nothing from which the copy of an idle consumer's slot could start: it is ready once the consumer has moved on.
    await copies(one, ['moves'], 2);
    await pollUntil(
      async () => {
        await sql(two, 'SELECT pg_log_standby_snapshot()');
        await consume(two, 'moves');
        return (await one.server.waitForSlotCopy('moves', 1_000)) || undefined;
      },
      { timeoutMs: 30_000, intervalMs: 50, what: 'the copy is ready' },
    );
  });
});
