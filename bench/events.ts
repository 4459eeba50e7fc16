/**
 * `npm run bench:events`: one console, N event sockets, a steady stream of events with one burst, and one restart of the console inside the
 * buffer. The events come from the engine's own log over the real interconnect. Every subscriber must get every event once; counted is how
 * late, and how much memory the console took. `--subscribers 1000 --seconds 60 --rate 30 --burst 200 --burst-seconds 5`.
 */
import { type ChildProcess, fork } from 'node:child_process';
import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { loadavg, tmpdir } from 'node:os';
import { join } from 'node:path';
import { parseArgs } from 'node:util';
import { Mesh, testCluster, testSecret } from '../engine/interconnect/testing/mesh';
import { pollUntil } from '../engine/kernel/async';
import { EventLog } from '../engine/monitoring/event-log';
import { delay, freePort } from '../engine/testing/real-cluster';
import { StoredAccounts } from '../server/auth/accounts';
import { PasswordHasher } from '../server/auth/passwords';
import { RecordedEngine } from '../server/testing/recorded-engine';
import { onInterruption } from './measure/interruption';
import { machineFacts, machineLine, saveJson, say, table } from './measure/report';

const { values } = parseArgs({
  options: {
    subscribers: { type: 'string', default: '1000' },
    seconds: { type: 'string', default: '60' },
    rate: { type: 'string', default: '30' },
    burst: { type: 'string', default: '200' },
    'burst-seconds': { type: 'string', default: '5' },
  },
});
const count = Number(values.subscribers);
const seconds = Number(values.seconds);
const burstSeconds = Number(values['burst-seconds']);
/** How long after a burst or restart events still belong to it: until what piled up is gone. */
const aftermathSeconds = 5;

type Phase = 'steady' | 'burst' | 'restart';
type Late = { readonly p50: number | null; readonly p99: number | null; readonly max: number | null };
type Report = {
  readonly received: number;
  readonly missing: number;
  readonly twice: number;
  readonly gaps: number;
  readonly reconnects: number;
  readonly behind: number;
  readonly late: Readonly<Record<Phase, Late>>;
};

const facts = machineFacts();
const directory = mkdtempSync(join(tmpdir(), 'rustydb-bench-events-'));
const mesh = new Mesh();
const recorded = new RecordedEngine();
const log = new EventLog(Date.now);
log.beginTerm(1);
const children = new Set<ChildProcess>();

function start(module: string, argument: unknown): ChildProcess {
  const child = fork(join(import.meta.dirname, 'events', module), [JSON.stringify(argument)], {
    execArgv: ['--import', 'tsx'],
    stdio: ['ignore', 'inherit', 'inherit', 'ipc'],
  });
  children.add(child);
  child.once('exit', () => children.delete(child));
  return child;
}

const message = <T>(child: ChildProcess) => new Promise<T>((resolve) => child.once('message', resolve as () => void));

async function stop(): Promise<void> {
  for (const child of children) child.kill('SIGKILL');
  await mesh.stop();
  rmSync(directory, { recursive: true, force: true });
}
onInterruption(stop);

/** A node that leads and answers from a recording; its events are the engine's own. */
async function startNode(): Promise<{ nodeId: string; host: string; port: number }> {
  const node = await mesh.node('node-1');
  const view = () => ({ ...recorded.view, at: new Date().toISOString() });
  node.onStream('engine.view.stream', (_payload, _from, push, signal) => {
    push({ kind: 'full', view: view() });
    const beat = setInterval(() => push({ kind: 'patch', revision: recorded.view.revision, at: view().at }), 500);
    signal.addEventListener('abort', () => clearInterval(beat), { once: true });
  });
  node.onStream('engine.event.stream', (payload, _from, push, signal) => {
    const { gap, events } = log.since((payload as { after: string }).after);
    if (gap) push({ kind: 'gap', ...gap });
    for (const event of events) push({ kind: 'event', event });
    signal.addEventListener(
      'abort',
      log.subscribe((event) => push({ kind: 'event', event })),
      { once: true },
    );
  });
  node.onRequest('engine.view.get', view);
  node.onRequest('engine.view.local', view);
  for (const method of ['store.get', 'store.list', 'store.localList', 'store.txn'] as const) {
    node.onRequest(`engine.${method}`, (payload) => recorded.leader(method, payload as never));
  }
  return { nodeId: 'node-1', ...mesh.addresses.get('node-1')! };
}

const seed = await startNode();
recorded.view = {
  ...recorded.view,
  nodes: recorded.view.nodes
    .slice(0, 1)
    .map((one) => ({ ...one, record: { ...one.record, host: seed.host, agentPort: seed.port } })),
};
const { secret: key } = await new StoredAccounts(recorded, new PasswordHasher()).createApiKey({
  name: 'bench',
  role: 'viewer',
  expiresAt: null,
  by: 'bench',
});
const port = await freePort();
const config = { port, clusterId: testCluster, secret: testSecret, dataDirectory: directory, seeds: [seed] };

async function startConsole(): Promise<ChildProcess> {
  const child = start('console.ts', config);
  await message(child);
  return child;
}

let server = await startConsole();
let highestMB = 0;
const watch = setInterval(() => {
  try {
    const pages = Number(readFileSync(`/proc/${server.pid}/statm`, 'utf8').split(' ')[1]);
    highestMB = Math.max(highestMB, (pages * 4096) / 2 ** 20);
  } catch {
    // Between two lives.
  }
}, 500);
const before = performance.now();
const subscribers = start('subscribers.ts', { url: `ws://127.0.0.1:${port}`, key, count });
await message(subscribers);
say(`${count} subscribers after ${((performance.now() - before) / 1000).toFixed(1)} s`);

let sent = 0;
const burstAt = seconds * 0.4;
const restartAt = seconds * 0.7;

function phaseAt(second: number): Phase {
  const inside = (from: number, length: number) => second >= from && second < from + length + aftermathSeconds;
  return inside(burstAt, burstSeconds) ? 'burst' : inside(restartAt, 5) ? 'restart' : 'steady';
}

async function restart(): Promise<void> {
  const gone = new Promise((resolve) => server.once('exit', resolve));
  server.kill('SIGTERM');
  await gone;
  server = await startConsole();
}

let restarted: Promise<void> | null = null;
const startedAt = performance.now();
for (let due = 0; ; ) {
  const second = (performance.now() - startedAt) / 1000;
  if (second >= seconds) break;
  if (second >= restartAt && restarted === null) restarted = restart();
  const bursting = second >= burstAt && second < burstAt + burstSeconds;
  for (; due <= second; due += 1 / Number(bursting ? values.burst : values.rate)) {
    log.emit({
      category: 'clustering',
      eventType: 'node_health_change',
      severity: 'info',
      source: 'node:node-2',
      payload: {
        node_id: 'node-2',
        group: 'alpha',
        from: 'degraded',
        to: 'healthy',
        n: ++sent,
        sent_at: performance.timeOrigin + performance.now(),
        phase: phaseAt(second),
      },
    });
  }
  await delay(2);
}
await restarted;

async function report(): Promise<Report> {
  subscribers.send({ kind: 'report' });
  return message<Report>(subscribers);
}
await pollUntil(async () => ((await report()).behind >= sent ? true : undefined), {
  what: 'every subscriber has the last event',
  timeoutMs: 60_000,
  intervalMs: 500,
}).catch(() => say('not every subscriber got the last event within a minute'));
const final = await report();
clearInterval(watch);
subscribers.send({ kind: 'stop' });

const late = (phase: Phase) => final.late[phase];
const outcome = {
  facts,
  load_after: loadavg()[0],
  subscribers: count,
  events: sent,
  expected: sent * count,
  ...final,
  console_highest_mb: Math.round(highestMB),
};
say(machineLine(facts));
process.stdout.write(
  `${table(
    ['part', 'p50 ms', 'p99 ms', 'max ms'],
    (['steady', 'burst', 'restart'] as const).map((phase) => [
      phase,
      late(phase).p50,
      late(phase).p99,
      late(phase).max,
    ]),
  )}\n\n${sent} events × ${count} subscribers: ${final.received} of ${sent * count} delivered, ${final.missing} missing, ${final.twice} twice, ${final.gaps} gaps, ${final.reconnects} reconnects; console at most ${Math.round(highestMB)} MB\n`,
);
say(saveJson('events', outcome));
await stop();
const ok = final.received === sent * count && final.missing === 0 && (late('steady').p99 ?? Infinity) <= 1000;
process.exit(ok ? 0 : 1);
