/** The store's log on a real small file system that fills up and gets room again (mounted as root; the injected disk stands in for other users). */
import { execFileSync } from 'node:child_process';
import { mkdtempSync, rmSync, statfsSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import pino from 'pino';
import { afterEach, beforeEach, expect, it } from 'vitest';
import { pollUntil } from '../../kernel/async';
import { MemoryNetwork } from '../../testing/memory-interconnect';
import { RaftControlStore } from './raft-store';

const asRoot = process.getuid?.() === 0;
const timings = { heartbeatMs: 20, electionMs: 100, leaseMs: 400 };
const self = { id: 'a', incarnation: 'a-1' };
let mount: string;
const running: RaftControlStore[] = [];

beforeEach(() => {
  mount = mkdtempSync(join(tmpdir(), 'raft-small-'));
  if (asRoot) execFileSync('mount', ['-t', 'tmpfs', '-o', 'size=1m', 'tmpfs', mount]);
});

afterEach(async () => {
  for (const store of running.splice(0)) await store.stop();
  if (asRoot) execFileSync('umount', [mount]);
  rmSync(mount, { recursive: true, force: true });
});

async function start(fatal: Error[]): Promise<RaftControlStore> {
  const store = new RaftControlStore({
    self,
    directory: join(mount, 'raft'),
    bootstrap: { voters: [self], learners: [] },
    interconnect: new MemoryNetwork().join('a', 'a-1'),
    logger: pino({ level: 'silent' }),
    timings,
    onFatal: (error) => fatal.push(error),
    requestMs: 1000,
  });
  await store.start();
  running.push(store);
  await pollUntil(() => store.isLeader() || undefined, { timeoutMs: 5000, intervalMs: 5, what: 'it leads' });
  return store;
}

const put = (key: string, value: string) => ({ compare: [], mutations: [{ kind: 'put' as const, key, value }] });

/** Leaves `left` bytes: an ordinary user's `/tmp` is not filled, there the file is only written. */
function fill(left: number): void {
  const { bavail, bsize } = statfsSync(mount);
  writeFileSync(join(mount, 'filler'), Buffer.alloc(asRoot ? Math.max(0, bavail * bsize - left) : 0));
}

it('lives through a full file system, keeps what it acknowledged and goes on when there is room', async () => {
  const fatal: Error[] = [];
  const store = await start(fatal);
  await store.txn(put('kept', 'v'));
  fill(8192);
  const acknowledged: number[] = [];
  for (let n = 0; n < 6; n++) {
    const done = await store.txn(put(`k/${n}`, 'x'.repeat(3000))).catch(() => null);
    if (done) acknowledged.push(n);
  }
  expect(fatal).toEqual([]);
  if (asRoot) expect(acknowledged.length).toBeLessThan(6);
  expect((await store.get('kept'))?.value).toBe('v');
  rmSync(join(mount, 'filler'));
  await pollUntil(() => store.txn(put('again', 'v')).catch(() => undefined), {
    timeoutMs: 5000,
    intervalMs: 50,
    what: 'it writes again',
  });
  await running.pop()!.stop();
  const next = await start(fatal);
  for (const n of acknowledged) expect(await next.get(`k/${n}`)).not.toBeNull();
  expect((await next.get('again'))?.value).toBe('v');
  expect(fatal).toEqual([]);
});
