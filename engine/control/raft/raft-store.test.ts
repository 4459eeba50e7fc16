import { cp, mkdtemp, open, readdir, readFile, rm, truncate, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import pino from 'pino';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { pollUntil } from '../../kernel/async';
import { MemoryNetwork } from '../../testing/memory-interconnect';
import type { RaftConfiguration, RaftMember } from '../store';
import { decodeFrames, headerBytes as frameHeaderBytes } from './log-frames';
import { RaftLogStorage } from './log-storage';
import { RaftControlStore } from './raft-store';

const logger = pino({ level: 'silent' });
const timings = { heartbeatMs: 20, electionMs: 100, leaseMs: 400 };
const member = (id: string, life = 1): RaftMember => ({ id, incarnation: `${id}-${life}` });
const three: RaftConfiguration = { voters: [member('a'), member('b'), member('c')], learners: [] };

type Running = { readonly store: RaftControlStore; readonly fatal: Error[]; readonly directory: string };

let root: string;
let network: MemoryNetwork;
const running = new Map<string, Running>();

beforeEach(async () => {
  root = await mkdtemp(join(tmpdir(), 'raft-store-'));
  network = new MemoryNetwork();
});

afterEach(async () => {
  for (const id of [...running.keys()]) await stop(id);
  await rm(root, { recursive: true, force: true });
});

type StartOptions = {
  readonly life?: number;
  readonly bootstrap?: RaftConfiguration | null;
  readonly snapshotEvery?: number;
};

async function start(id: string, options: StartOptions = {}): Promise<RaftControlStore> {
  const self = member(id, options.life);
  const fatal: Error[] = [];
  const directory = join(root, self.incarnation);
  const store = new RaftControlStore({
    self,
    directory,
    bootstrap: options.bootstrap === undefined ? three : options.bootstrap,
    interconnect: network.join(id, self.incarnation),
    logger,
    timings,
    onFatal: (error) => fatal.push(error),
    snapshotEvery: options.snapshotEvery,
    requestMs: 1500,
  });
  await store.start();
  running.set(id, { store, fatal, directory });
  return store;
}

async function stop(id: string): Promise<void> {
  const node = running.get(id);
  running.delete(id);
  network.leave(id);
  await node?.store.stop();
}

async function startThree(options: StartOptions = {}): Promise<void> {
  for (const id of ['a', 'b', 'c']) await start(id, options);
  await leader();
}

function leader(): Promise<RaftControlStore> {
  return pollUntil(() => [...running.values()].find((node) => node.store.isLeader())?.store, {
    timeoutMs: 5000,
    intervalMs: 5,
    what: 'a leader',
  });
}

const put = (
  key: string,
  value: string | { readonly [key: string]: string | number | boolean | null },
  modRevision?: number,
) => ({
  compare: modRevision === undefined ? [] : [{ key, modRevision }],
  mutations: [{ kind: 'put' as const, key, value }],
});

function followerId(lead: RaftControlStore): string {
  return [...running.entries()].find(([, node]) => node.store !== lead)![0];
}

describe('three stores on real files', () => {
  it('serves reads, writes and compare-and-swap from every node', async () => {
    await startThree();
    const stores = [...running.values()].map((node) => node.store);
    for (const [at, store] of stores.entries()) {
      expect(await store.txn(put(`k/${at}`, `v${at}`, 0))).toMatchObject({ succeeded: true });
      expect(await store.txn(put(`k/${at}`, 'other', 0))).toMatchObject({
        succeeded: false,
        current: [{ value: `v${at}` }],
      });
    }
    for (const store of stores) {
      expect((await store.list('k/')).map((pair) => pair.value)).toEqual(['v0', 'v1', 'v2']);
      expect(await store.get('none')).toBeNull();
    }
  });

  it('shows what was committed after a complete restart without a majority, and nothing else', async () => {
    await startThree();
    const first = await leader();
    const leaderId = [...running.entries()].find(([, node]) => node.store === first)![0];
    for (let n = 1; n <= 5; n++) await first.txn(put(`k/${n}`, `v${n}`));
    const others = [...running.keys()].filter((id) => id !== leaderId);
    for (const id of others) await stop(id);
    // Reaches this disk, and no majority.
    await expect(first.txn(put('k/never', 'acknowledged'))).rejects.toMatchObject({ code: 'UNAVAILABLE' });
    await stop(leaderId);

    const alone = await start(leaderId);
    expect(alone.localList('k/').map((pair) => pair.value)).toEqual(['v1', 'v2', 'v3', 'v4', 'v5']);
    expect(alone.localState()).toEqual({ ageMs: Number.POSITIVE_INFINITY, revision: 5 });
    expect(alone.isLeader()).toBe(false);

    for (const id of others) await start(id);
    const next = await leader();
    expect(await next.txn(put('k/6', 'v6', 0))).toMatchObject({ succeeded: true });
    const expected = next.localState().revision;
    for (const { store } of running.values()) {
      await pollUntil(() => (store.localState().revision === expected ? true : undefined), {
        timeoutMs: 5000,
        intervalMs: 5,
        what: 'all replicas are equal',
      });
      expect(store.localGet('k/1')).toEqual(next.localGet('k/1'));
    }
  });

  it('shows it also after a crash that let nothing be written at the end', async () => {
    await startThree();
    const store = await leader();
    await store.txn(put('k', 'v'));
    const follower = running.get(followerId(store))!;
    const directory = join(root, 'copy');
    const remembered = () =>
      RaftLogStorage.open({ directory, self: member(follower.store.status().id), acceptMoved: true }).then(
        async ({ storage, committed }) => {
          await storage.close();
          return committed;
        },
      );
    const committed = await pollUntil(
      async () => {
        // What a kill at this moment leaves.
        await rm(directory, { recursive: true, force: true });
        await cp(follower.directory, directory, { recursive: true });
        const index = await remembered();
        return index >= follower.store.status().commitIndex ? index : undefined;
      },
      { timeoutMs: 5000, intervalMs: 50, what: 'the commit is written down' },
    );
    expect(committed).toBe(follower.store.status().commitIndex);
  });

  it('knows of no leader on a learner either once it is silent', async () => {
    await startThree();
    const lone = await start('d', { bootstrap: null });
    await (await leader()).addLearner(member('d'));
    const status = () => lone.status();
    const until = (what: string, so: () => boolean) =>
      pollUntil(() => so() || undefined, { timeoutMs: 5000, intervalMs: 5, what });
    await until('it follows', () => status().role === 'learner' && status().hasQuorum);
    for (const id of ['a', 'b', 'c']) await stop(id);
    await until('it says that nobody leads', () => status().leader === null && !status().hasQuorum);
  });

  it('answers UNAVAILABLE before it has read its disk', async () => {
    const store = new RaftControlStore({
      self: member('e'),
      directory: join(root, 'e'),
      bootstrap: null,
      interconnect: network.join('e', 'e-1'),
      logger,
      timings,
      onFatal: () => undefined,
    });
    for (const ask of [() => store.status(), () => store.recentLog(1)])
      expect(ask).toThrow(expect.objectContaining({ code: 'UNAVAILABLE' }));
    expect(store.isLeader()).toBe(false);
  });

  it('takes no snapshot of a replica that is ahead of what Raft has applied', async () => {
    await startThree({ snapshotEvery: 4 });
    const first = await leader();
    for (let n = 1; n <= 11; n++) await first.txn(put('count', `v${n}`));
    for (let round = 0; round < 3; round++) {
      for (const id of ['a', 'b', 'c']) await stop(id);
      await startThree({ snapshotEvery: 4 });
      const store = await leader();
      const before = store.localState().revision;
      expect(before).toBe(11 + round);
      expect(await store.txn(put('count', `round ${round}`))).toMatchObject({ succeeded: true, revision: before + 1 });
    }
  });

  it('goes on after its leader is gone and keeps what was acknowledged; the old leader follows', async () => {
    await startThree();
    const first = await leader();
    await first.txn(put('x', 'kept'));
    const firstId = first.status().id;
    const term = first.status().term;
    await stop(firstId);
    const second = await leader();
    expect(second.status().term).toBeGreaterThan(term);
    expect((await second.get('x'))?.value).toBe('kept');
    await second.txn(put('y', 'later'));
    const back = await start(firstId);
    await pollUntil(() => (back.localGet('y')?.value === 'later' ? true : undefined), {
      timeoutMs: 3000,
      intervalMs: 5,
      what: 'the old leader has caught up',
    });
  });

  it('brings everything back after all nodes stopped', async () => {
    await startThree();
    await (await leader()).txn(put('x', 'kept'));
    for (const id of ['a', 'b', 'c']) await stop(id);
    await startThree();
    expect((await running.get('b')!.store.get('x'))?.value).toBe('kept');
  });

  it('refuses with CLU_NO_QUORUM when no majority is there', async () => {
    await startThree();
    const lead = await leader();
    network.isolate(lead.status().id);
    await expect(lead.get('x')).rejects.toMatchObject({
      code: 'UNAVAILABLE',
      details: { clusterCode: 'CLU_NO_QUORUM' },
    });
    expect(await lead.renewLease('alpha', 1, 'a')).toEqual({ ok: false, reason: 'no-quorum', epoch: null });
  });

  it('brings a new node in as a learner by snapshot, makes it a voter, and removes another', async () => {
    await startThree({ snapshotEvery: 20 });
    const lead = await leader();
    for (let n = 0; n < 60; n++) await lead.txn(put(`k/${n}`, 'v'));
    const joined = await start('d', { bootstrap: null });
    await lead.addLearner(member('d'));
    await lead.promoteLearner('d');
    await lead.removeMember(followerId(lead));
    await pollUntil(() => (joined.status().configuration.voters.some((voter) => voter.id === 'd') ? true : undefined), {
      timeoutMs: 3000,
      intervalMs: 5,
      what: 'd knows it votes',
    });
    expect(joined.localList('k/')).toHaveLength(60);
    expect(lead.status().configuration.voters).toHaveLength(3);
  });

  it('removes the leader itself by handing over first', async () => {
    await startThree();
    const lead = await leader();
    const id = lead.status().id;
    await lead.removeMember(id);
    await pollUntil(
      () => (running.get(followerId(lead))!.store.status().configuration.voters.length === 2 ? true : undefined),
      {
        timeoutMs: 3000,
        intervalMs: 5,
        what: 'removed',
      },
    );
  });

  it('hands leadership over', async () => {
    await startThree();
    const lead = await leader();
    const to = followerId(lead);
    await lead.transferLeadership(to);
    await pollUntil(() => (running.get(to)!.store.isLeader() ? true : undefined), {
      timeoutMs: 2000,
      intervalMs: 2,
      what: 'handed over',
    });
    expect(lead.isLeader()).toBe(false);
  });

  it('replaces a wiped voter: the new life is refused as the old one and joins as another member', async () => {
    await startThree();
    const lead = await leader();
    const id = followerId(lead);
    await stop(id);
    await start(id, { life: 2, bootstrap: null });
    await lead.txn(put('x', 'v'));
    expect(running.get(id)!.store.localGet('x')).toBeNull();
    await lead.addLearner(member(id, 2));
    await lead.promoteLearner(id);
    const voters = lead.status().configuration.voters.map((voter) => voter.incarnation);
    expect(voters).toHaveLength(3);
    expect(voters).toContain(`${id}-2`);
  });

  it('stops a voter whose directory was emptied under the same identity', async () => {
    await startThree();
    const id = followerId(await leader());
    const { directory } = running.get(id)!;
    await stop(id);
    await rm(directory, { recursive: true });
    await start(id, { bootstrap: null });
    const error = await pollUntil(() => running.get(id)!.fatal[0], {
      timeoutMs: 3000,
      intervalMs: 5,
      what: 'it stops',
    });
    expect(error.message).toMatch(/was emptied while this node still counts as a voter/);
  });

  it('tells watchers of each change in order, on followers too', async () => {
    await startThree();
    const lead = await leader();
    const seen: unknown[] = [];
    running.get(followerId(lead))!.store.watch('w/', (events) => seen.push(...events.map((event) => event.value)));
    for (let n = 0; n < 10; n++) await lead.txn(put('w/k', `${n}`));
    await lead.txn(put('other', 'x'));
    await pollUntil(() => (seen.length === 10 ? true : undefined), {
      timeoutMs: 2000,
      intervalMs: 5,
      what: 'all events',
    });
    expect(seen).toEqual(['0', '1', '2', '3', '4', '5', '6', '7', '8', '9']);
  });

  it('tells its log a part at a time, without a gap', async () => {
    await startThree();
    const lead = await leader();
    for (const key of ['a', 'b', 'c']) await lead.txn(put(key, { key }));
    const whole = lead.recentLog(1000);
    const parts = [lead.recentLog(2)];
    for (let part = parts[0]!; part.length > 0; parts.push(part)) part = lead.recentLog(2, part.at(-1)!.index);
    expect(parts.flat().map((entry) => entry.index)).toEqual(whole.map((entry) => entry.index));
    expect(whole.length).toBeGreaterThan(3);
    expect(lead.recentLog(1, 1_000_000)).toEqual(lead.recentLog(1));
  });

  it('masks secrets in the log for people', async () => {
    await startThree();
    const lead = await leader();
    await lead.txn(put('users/1', { name: 'eve', password: 'x1' }));
    await lead.txn(put('nodes/n', { address: 'h', replication_password: 'x2' }));
    const text = JSON.stringify(lead.recentLog(10));
    expect(text).toContain('put users/1 = (secret)');
    expect(text).toContain('"address\\":\\"h');
    expect(text).not.toMatch(/x1|x2|eve/);
  });

  it('refuses values that are too large', async () => {
    await startThree();
    await expect((await leader()).txn(put('big', 'x'.repeat(300_000)))).rejects.toMatchObject({
      code: 'PAYLOAD_TOO_LARGE',
    });
  });
});

describe('leases', () => {
  const record = (epoch: number, primary: string, leaseReleased = false) => ({ epoch, primary, leaseReleased });

  it('renews for the holder, refuses others, and guards a grant until the lease has run out', async () => {
    await startThree();
    const lead = await leader();
    await lead.txn(put('groups/g', record(1, 'a')));
    expect(await lead.renewLease('g', 1, 'a')).toEqual({ ok: true, epoch: 1, leaseMs: 400 });
    expect(await lead.renewLease('g', 1, 'b')).toMatchObject({ ok: false, reason: 'superseded' });
    expect(await lead.renewLease('none', 1, 'b')).toMatchObject({ ok: false, reason: 'unknown-group' });
    const grant = {
      ...put('groups/g', record(2, 'b')),
      leaseGuard: { group: 'g', epoch: 1 },
      grants: { group: 'g', epoch: 2, holder: 'b' },
    };
    const renewedAt = performance.now();
    expect(await lead.renewLease('g', 1, 'a')).toMatchObject({ ok: true });
    await expect(lead.txn(grant)).rejects.toMatchObject({ details: { clusterCode: 'CLU_LEASE_HELD' } });
    await pollUntil(async () => ((await lead.txn(grant)).succeeded ? true : undefined), {
      timeoutMs: 20_000,
      intervalMs: 5,
      what: 'granted',
    });
    expect(performance.now() - renewedAt).toBeGreaterThanOrEqual(400);
    expect(await lead.renewLease('g', 1, 'a')).toMatchObject({ ok: false, reason: 'superseded', epoch: 2 });
    expect(await lead.renewLease('g', 2, 'b')).toMatchObject({ ok: true });
  });

  it('grants a released lease at once', async () => {
    await startThree();
    const lead = await leader();
    await lead.txn(put('groups/g', record(1, 'a')));
    await lead.txn(put('groups/g', record(1, 'a', true)));
    expect(lead.leaseRemainingMs('g')).toBeLessThanOrEqual(0);
    const grant = { ...put('groups/g', record(2, 'b')), leaseGuard: { group: 'g', epoch: 1 } };
    expect(await lead.txn(grant)).toMatchObject({ succeeded: true });
  });

  it('answers no renewal that a majority has not confirmed', async () => {
    await startThree();
    const lead = await leader();
    await lead.txn(put('groups/g', record(1, 'a')));
    network.isolate(lead.status().id);
    expect(lead.isLeader()).toBe(true);
    expect(await lead.renewLease('g', 1, 'a')).toEqual({ ok: false, reason: 'no-quorum', epoch: null });
  });

  const lone: RaftConfiguration = { voters: [member('a')], learners: [] };
  const pair: RaftConfiguration = { voters: [member('a'), member('b')], learners: [] };

  it.each([
    ['one voter', lone, ['a'], null],
    ['one voter and a learner that asks', lone, ['a', 'd'], 'd'],
    ['two voters', pair, ['a', 'b'], null],
  ])('renews without any other read: %s', async (_what, bootstrap, ids, learner) => {
    for (const id of ids) await start(id, { bootstrap: id === learner ? null : bootstrap });
    const lead = await leader();
    if (learner) await lead.addLearner(member(learner));
    await lead.txn(put('groups/g', record(1, 'a')));
    const asker = learner ? running.get(learner)!.store : lead;
    await pollUntil(() => (asker.localGet('groups/g') ? true : undefined), {
      timeoutMs: 5000,
      intervalMs: 5,
      what: 'the asker knows the leader',
    });
    for (let n = 0; n < 3; n++) expect(await asker.renewLease('g', 1, 'a')).toMatchObject({ ok: true, epoch: 1 });
    expect(await asker.get('groups/g')).not.toBeNull();
  });

  it('treats every lease as renewed when a leader takes over', async () => {
    await startThree();
    const first = await leader();
    await first.txn(put('groups/g', record(1, 'a')));
    await stop(first.status().id);
    const second = await leader();
    expect(second.leaseRemainingMs('g')).toBeGreaterThan(200);
  });

  it('counts and tells the length that belongs to the grant, whoever leads and whatever is configured meanwhile', async () => {
    await startThree();
    const first = await leader();
    await first.txn(put('groups/g', { ...record(1, 'a'), leaseMs: 30_000 }));
    expect(await first.renewLease('g', 1, 'a')).toEqual({ ok: true, epoch: 1, leaseMs: 30_000 });
    for (const { store } of running.values()) store.setTimings({ ...timings, leaseMs: 600 });
    expect(await first.renewLease('g', 1, 'a')).toEqual({ ok: true, epoch: 1, leaseMs: 30_000 });
    expect(first.leaseRemainingMs('g')).toBeGreaterThan(20_000);
    await stop(first.status().id);
    const second = await leader();
    expect(second.leaseRemainingMs('g')).toBeGreaterThan(20_000);
  });

  it('a leader elected after a restart counts a record without a length by what is configured in the store', async () => {
    const configured = { ...timings, leaseMs: 20_000 };
    await startThree();
    const first = await leader();
    await first.txn(put('config', { leaseMs: configured.leaseMs }));
    await first.txn(put('groups/g', record(1, 'a')));
    for (const id of ['a', 'b', 'c']) await stop(id);
    await startThree();
    expect((await leader()).leaseRemainingMs('g')).toBeGreaterThan(15_000);
  });
});

describe('damage on disk', () => {
  const lone: RaftConfiguration = { voters: [member('a')], learners: [] };

  async function segment(): Promise<string> {
    const directory = join(root, 'a-1');
    const names = (await readdir(directory)).filter((name) => name.startsWith('log-')).sort();
    return join(directory, names[names.length - 1]!);
  }

  async function writeSome(): Promise<void> {
    const store = await start('a', { bootstrap: lone });
    await leader();
    for (let n = 0; n < 5; n++) await store.txn(put(`k/${n}`, 'v'));
    await stop('a');
  }

  it('cuts a torn last record and goes on', async () => {
    await writeSome();
    const path = await segment();
    // The very last record only says how far the log is committed; the one before it is the last transaction.
    const last = decodeFrames(await readFile(path)).bodies.at(-1)!;
    await truncate(path, (await readFile(path)).length - last.length - frameHeaderBytes - 3);
    await start('a', { bootstrap: lone });
    expect(await (await leader()).list('k/')).toHaveLength(4);
    await stop('a');
    await start('a', { bootstrap: lone });
    expect(await (await leader()).list('k/')).toHaveLength(4);
  });

  it('stops at an earlier checksum error and says what to do', async () => {
    await writeSome();
    const path = await segment();
    const file = await open(path, 'r+');
    const { size } = await file.stat();
    await file.write(Buffer.from('#'), 0, 1, Math.floor(size / 2));
    await file.close();
    await expect(start('a', { bootstrap: lone })).rejects.toThrow(
      /log-\d+ is damaged at byte \d+ .*move the directory .* away/,
    );
  });

  it('refuses a copied directory', async () => {
    await writeSome();
    const path = await segment();
    const bytes = await readFile(path);
    const keep = await open(path, 'r');
    await rm(path);
    await writeFile(path, bytes);
    await keep.close();
    await expect(start('a', { bootstrap: lone })).rejects.toThrow(/is a copy/);
  });

  it('refuses the directory of another node', async () => {
    await writeSome();
    const path = join(root, 'a-1');
    const store = new RaftControlStore({
      self: member('a', 2),
      directory: path,
      bootstrap: null,
      interconnect: network.join('a', 'a-2'),
      logger,
      timings,
      onFatal: () => undefined,
    });
    await expect(store.start()).rejects.toThrow(/belongs to a \(incarnation a-1\)/);
  });
});
