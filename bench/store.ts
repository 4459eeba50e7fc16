/**
 * `npm run bench:store [-- --mb 20]`: how long the control store holds the main thread of an agent with a state of that size: taking and saving a
 * snapshot with the compaction that follows, sending it to a new member, and installing it there (a process of its own). A start reads everything before
 * the agent serves anything: its time is shown, it blocks nobody. A block is the time that the main thread was on a processor between two turns
 * (Linux; elsewhere the time that passed), so that what else the machine does is not counted.
 */
import { fork } from 'node:child_process';
import { existsSync, mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { parseArgs } from 'node:util';
import pino from 'pino';
import { RaftControlStore } from '../engine/control/raft/raft-store';
import type { Json } from '../engine/control/store';
import { TcpInterconnect } from '../engine/interconnect/tcp-interconnect';
import { pollUntil } from '../engine/kernel/async';

const { values } = parseArgs({
  options: { mb: { type: 'string', default: '20' }, learner: { type: 'string' }, directory: { type: 'string' } },
});
const wantedBytes = Number(values.mb) * 1024 * 1024;
const limitMs = 20;
const schedule = '/proc/self/schedstat';
const onProcessor = existsSync(schedule);
const logger = pino({ level: 'silent' });

function spentMs(): number {
  return onProcessor ? Number(readFileSync(schedule, 'utf8').split(' ')[0]) / 1e6 : performance.now();
}

/** Longest time in which a timer of 1 ms could not run. */
class Blocks {
  #longest = 0;
  #last = spentMs();
  readonly #timer = setInterval(() => this.#look(), 1);

  #look(): void {
    const now = spentMs();
    this.#longest = Math.max(this.#longest, now - this.#last);
    this.#last = now;
  }

  take(): number {
    this.#look();
    const longest = this.#longest;
    this.#longest = 0;
    return longest;
  }

  stop(): void {
    clearInterval(this.#timer);
  }
}

async function start(id: string, directory: string, snapshotEvery: number) {
  const self = { id, incarnation: `${id}-1` };
  const interconnect = new TcpInterconnect({
    self: { name: `node:${id}`, kind: 'node', nodeId: id, incarnation: self.incarnation },
    clusterId: 'bench',
    secret: 'a secret of the benchmark',
    listen: { host: '127.0.0.1', port: 0 },
    logger,
  });
  const address = (await interconnect.start())!;
  const store = new RaftControlStore({
    self,
    directory,
    bootstrap: id === 'a' ? { voters: [self], learners: [] } : null,
    interconnect,
    logger,
    timings: { heartbeatMs: 100, electionMs: 500, leaseMs: 2000 },
    snapshotEvery,
    onFatal: (error) => {
      throw error;
    },
  });
  await store.start();
  const stop = async () => {
    await store.stop();
    await interconnect.stop();
  };
  return { store, interconnect, address, stop };
}

const until = (what: string, so: () => boolean) =>
  pollUntil(() => so() || undefined, { timeoutMs: 240_000, intervalMs: 10, what });

/** The new member: tells its port, and the longest block once it holds what the leader has. */
async function learn(leaderPort: number, directory: string): Promise<void> {
  const { store, interconnect, address, stop } = await start('b', directory, 1_000_000);
  interconnect.setPeer('a', { host: '127.0.0.1', port: leaderPort });
  process.send!({ port: address.port });
  const blocks = new Blocks();
  await until('it is installed', () => store.localGet('last') !== null);
  blocks.stop();
  process.send!({ block: blocks.take() });
  process.once('message', () => void stop().then(() => process.disconnect()));
}

const plan = (bytes: number): Json => ({
  steps: Array.from({ length: Math.ceil(bytes / 80) }, (_, at) => ({
    at,
    rule: 'most-advanced',
    measured: '0/16B3740',
  })),
});

async function fill(store: RaftControlStore, value: Json, every: number): Promise<void> {
  for (let n = 0; store.status().stateBytes < wantedBytes; n += every) {
    const mutations = Array.from({ length: every }, (_, at) => ({
      kind: 'put' as const,
      key: `operations/${n + at}`,
      value,
    }));
    await store.txn({ compare: [], mutations });
  }
}

async function measure(what: string, value: Json, every: number): Promise<number> {
  const root = mkdtempSync(join(tmpdir(), 'bench-store-'));
  try {
    const filling = await start('a', join(root, 'a'), 1_000_000);
    await until('it leads', () => filling.store.isLeader());
    await fill(filling.store, value, every);
    await filling.stop();
    const startedAt = performance.now();
    const leader = await start('a', join(root, 'a'), 50);
    const startMs = performance.now() - startedAt;
    await until('it leads', () => leader.store.isLeader());
    const blocks = new Blocks();
    const rows: [string, number][] = [];
    const put = (key: string, n: number) =>
      leader.store.txn({ compare: [], mutations: [{ kind: 'put', key, value: n }] });
    const first = leader.store.status().snapshotIndex;
    for (let n = 0; leader.store.status().snapshotIndex === first; n++) await put(`small/${n % 100}`, n);
    rows.push(['snapshot taken and saved, log compacted', blocks.take()]);
    rows.push(['snapshot installed by a new member', await teach(leader, join(root, 'b'), () => put('last', 1))]);
    rows.push(['snapshot sent to it', blocks.take()]);
    blocks.stop();
    await leader.stop();
    console.log(`${what}: start reads it in ${Math.round(startMs)} ms`);
    for (const [row, ms] of rows) console.log(`  ${row}: longest block ${ms.toFixed(1)} ms`);
    return Math.max(...rows.map(([, ms]) => ms));
  } finally {
    rmSync(root, { recursive: true, force: true });
  }
}

async function teach(
  leader: Awaited<ReturnType<typeof start>>,
  directory: string,
  last: () => Promise<unknown>,
): Promise<number> {
  const child = fork(fileURLToPath(import.meta.url), [
    '--learner',
    String(leader.address.port),
    '--directory',
    directory,
  ]);
  const said = <T>(name: string) =>
    new Promise<T>((resolve, reject) => {
      child.once('exit', () => reject(new Error('the new member ended')));
      child.on('message', (message: { readonly [key: string]: T }) => name in message && resolve(message[name]!));
    });
  leader.interconnect.setPeer('b', { host: '127.0.0.1', port: await said<number>('port') });
  const block = said<number>('block');
  await leader.store.addLearner({ id: 'b', incarnation: 'b-1' });
  await last();
  const longest = await block;
  child.send('stop');
  return longest;
}

if (values.learner) await learn(Number(values.learner), values.directory!);
else {
  const large = await measure(`${values.mb} MB in values of 8 kB`, plan(8_000), 20);
  const small = await measure(`${values.mb} MB in values of 200 bytes`, 'x'.repeat(200), 400);
  const longest = Math.max(large, small);
  console.log(`longest block ${longest.toFixed(1)} ms, allowed ${limitMs} ms`);
  process.exitCode = longest > limitMs ? 1 : 0;
}
