/** A member whose disk is full, or fails to sync, among members on real files. */
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import pino from 'pino';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { pollUntil } from '../../kernel/async';
import { FaultyDisk } from '../../testing/faulty-disk';
import { MemoryNetwork } from '../../testing/memory-interconnect';
import type { RaftConfiguration, RaftMember } from '../store';
import { RaftControlStore } from './raft-store';

const timings = { heartbeatMs: 20, electionMs: 100, leaseMs: 400 };
const member = (id: string): RaftMember => ({ id, incarnation: `${id}-1` });
const of = (...ids: string[]): RaftConfiguration => ({ voters: ids.map(member), learners: [] });

type Node = { readonly id: string; readonly store: RaftControlStore; readonly disk: FaultyDisk; fatal: Error[] };

let root: string;
let network: MemoryNetwork;
const nodes = new Map<string, Node>();

beforeEach(async () => {
  root = await mkdtemp(join(tmpdir(), 'raft-full-'));
  network = new MemoryNetwork();
});

afterEach(async () => {
  for (const node of [...nodes.values()]) await stop(node);
  await rm(root, { recursive: true, force: true });
});

async function start(id: string, bootstrap: RaftConfiguration, snapshotEvery?: number): Promise<Node> {
  const fatal: Error[] = [];
  const disk = new FaultyDisk();
  const store = new RaftControlStore({
    self: member(id),
    directory: join(root, id),
    bootstrap,
    interconnect: network.join(id, `${id}-1`),
    logger: pino({ level: 'silent' }),
    timings,
    onFatal: (error) => fatal.push(error),
    requestMs: 2000,
    snapshotEvery,
    disk: disk.disk,
  });
  await store.start();
  const node = { id, store, disk, fatal };
  nodes.set(id, node);
  return node;
}

async function stop(node: Node): Promise<void> {
  nodes.delete(node.id);
  network.leave(node.id);
  await node.store.stop();
}

const until = <T>(what: string, probe: () => T | undefined | false) =>
  pollUntil(() => probe() || undefined, { timeoutMs: 5000, intervalMs: 5, what });
const leader = () => until('a leader', () => [...nodes.values()].find((node) => node.store.isLeader()));
const put = (key: string, value: string) => ({ compare: [], mutations: [{ kind: 'put' as const, key, value }] });
const group = (primary: string) => ({
  compare: [],
  mutations: [{ kind: 'put' as const, key: 'groups/g', value: { epoch: 1, primary, leaseReleased: false } }],
});

describe.each(['ENOSPC', 'EDQUOT'] as const)('%s', (code) => {
  it('on a follower: it lives on, takes nothing, finds the leader, and follows again when there is room', async () => {
    for (const id of ['a', 'b', 'c']) await start(id, of('a', 'b', 'c'));
    const lead = await leader();
    await lead.store.txn(group('a'));
    const full = [...nodes.values()].find((node) => node !== lead)!;
    full.disk.fullCode = code;
    full.disk.room = 20;
    await lead.store.txn(put('k', 'v1'));
    await until('it says so', () => full.store.trouble()?.includes('is full'));
    expect(full.store.trouble()).toMatch(new RegExp(`${code}.*Free space there`));
    await lead.store.txn(put('k', 'v2'));
    expect(full.store.isLeader()).toBe(false);
    expect(await full.store.renewLease('g', 1, 'a')).toMatchObject({ ok: true });
    expect(await full.store.txn(put('other', 'asked of the leader'))).toMatchObject({ succeeded: true });
    expect((await full.store.get('k'))?.value).toBe('v2');
    full.disk.room = Number.POSITIVE_INFINITY;
    await until('it has caught up', () => full.store.localGet('other') !== null);
    expect([full.store.trouble(), full.fatal]).toEqual([null, []]);
  });

  it('on the leader: another one leads, nothing acknowledged is lost, and it takes part again', async () => {
    for (const id of ['a', 'b', 'c']) await start(id, of('a', 'b', 'c'));
    const first = await leader();
    await first.store.txn(put('kept', 'v'));
    first.disk.fullCode = code;
    first.disk.room = 10;
    // Which leader takes it in the end is chance; that it is taken is not.
    expect(await first.store.txn(put('k', 'through another leader'))).toMatchObject({ succeeded: true });
    const second = await until('another leader', () =>
      [...nodes.values()].find((node) => node !== first && node.store.isLeader()),
    );
    expect((await second.store.list('k')).map((pair) => pair.value)).toEqual(['through another leader', 'v']);
    first.disk.room = Number.POSITIVE_INFINITY;
    await until('it has caught up', () => first.store.localGet('k') !== null && first.store.trouble() === null);
    for (const other of [...nodes.values()].filter((node) => node !== first && node !== second)) await stop(other);
    expect(await second.store.txn(put('needs', 'its vote'))).toMatchObject({ succeeded: true });
    expect(first.fatal).toEqual([]);
  });

  it('on the only voter: leases and reads go on, changes are refused at once, a restart finds what was acknowledged', async () => {
    const alone = await start('a', of('a'));
    await leader();
    await alone.store.txn(group('a'));
    await alone.store.txn(put('kept', 'v'));
    alone.disk.fullCode = code;
    alone.disk.room = 30;
    await expect(alone.store.txn(put('k', 'lost or not'))).rejects.toMatchObject({ code: 'UNAVAILABLE' });
    await expect(alone.store.txn(put('k', 'refused'))).rejects.toMatchObject({
      details: { extra: { refusal: 'disk-full' } },
      message: expect.stringContaining('Free space'),
    });
    expect(await alone.store.renewLease('g', 1, 'a')).toMatchObject({ ok: true });
    expect((await alone.store.get('kept'))?.value).toBe('v');
    await stop(alone);
    const again = await start('a', of('a'));
    await leader();
    expect((await again.store.get('kept'))?.value).toBe('v');
    expect(await again.store.txn(put('k', 'room'))).toMatchObject({ succeeded: true });
    expect(alone.fatal).toEqual([]);
  });

  it('while a snapshot is written: it is left for later and the log goes on', async () => {
    const alone = await start('a', of('a'), 20);
    await leader();
    for (let n = 0; n < 10; n++) await alone.store.txn(put(`k/${n}`, 'x'.repeat(2000)));
    alone.disk.fullCode = code;
    // Ten more entries fit; a snapshot of what they make does not.
    alone.disk.room = 12_000;
    // While the half-written snapshot stands there, an entry may find no room either: it is asked again.
    for (let n = 10; n < 30; n++) {
      await pollUntil(() => alone.store.txn(put(`k/${n}`, 'y')).catch(() => undefined), {
        timeoutMs: 5000,
        intervalMs: 20,
        what: 'the entry is taken',
      });
    }
    expect(alone.store.status().snapshotIndex).toBe(1);
    await until('it has no trouble', () => alone.store.trouble() === null);
    expect(alone.fatal).toEqual([]);
  });
});

it('a failed fsync ends the member, says nothing more, and the next start finds what was acknowledged', async () => {
  const alone = await start('a', of('a'));
  await leader();
  await alone.store.txn(put('kept', 'v'));
  alone.disk.failSync = true;
  await expect(alone.store.txn(put('k', 'v'))).rejects.toMatchObject({ code: 'UNAVAILABLE' });
  const error = await until('it ends', () => alone.fatal[0]);
  expect([error.name, alone.store.isLeader()]).toEqual(['DiskFailure', false]);
  await stop(alone);
  const again = await start('a', of('a'));
  await leader();
  expect((await again.store.get('kept'))?.value).toBe('v');
});
