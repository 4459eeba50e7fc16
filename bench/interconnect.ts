/**
 * What the interconnect costs over loopback, two processes: request latency, pipelined requests, one-way messages, an idle five-node mesh
 * and many clients. Run: `node --import tsx bench/interconnect.ts [clients]`
 */
import { type ChildProcess, fork } from 'node:child_process';
import { fileURLToPath } from 'node:url';
import pino from 'pino';
import type { PeerAddress } from '../engine/interconnect/api';
import { TcpInterconnect } from '../engine/interconnect/tcp-interconnect';

const secret = 'benchmark-secret-0123456789';
const logger = pino({ level: 'silent' });

function create(name: string, kind: 'node' | 'console', listen: boolean): TcpInterconnect {
  return new TcpInterconnect({
    self: {
      name: `${kind}:${name}`,
      kind,
      nodeId: kind === 'node' ? name : null,
      incarnation: kind === 'node' ? name : null,
    },
    clusterId: 'benchmark',
    secret,
    listen: listen ? { host: '127.0.0.1', port: 0 } : null,
    logger,
  });
}

function cpuMs(): number {
  const { user, system } = process.cpuUsage();
  return (user + system) / 1000;
}

function sleep(ms: number): Promise<void> {
  return new Promise((resolve) => setTimeout(resolve, ms));
}

async function until(condition: () => boolean): Promise<void> {
  const deadline = performance.now() + 20_000;
  while (!condition()) {
    if (performance.now() > deadline) throw new Error('the mesh did not connect within 20 s');
    await sleep(5);
  }
}

const allConnected = (ic: TcpInterconnect, count: number) =>
  ic.linkStatus().filter((s) => s.connected).length === count;

/** The other process: an echo node that tells its CPU time on request. */
async function serve(): Promise<void> {
  const server = create('server', 'node', true);
  let received = 0;
  server.onRequest('echo', (payload) => payload);
  server.onRequest('engine.echo', (payload) => payload);
  server.onRequest('cpu', () => cpuMs());
  server.onRequest('received', () => received);
  server.onMessage('note', () => {
    received++;
  });
  server.onMessage('engine.note', () => {
    received++;
  });
  process.send!(await server.start());
  process.on('disconnect', () => process.exit(0));
}

function percentile(sorted: readonly number[], q: number): number {
  return sorted[Math.min(sorted.length - 1, Math.floor(sorted.length * q))]!;
}

async function requests(client: TcpInterconnect, label: string, bytes: number, count: number): Promise<void> {
  const payload = 'x'.repeat(bytes);
  for (let i = 0; i < 500; i++) await client.request('server', 'echo', payload, { timeoutMs: 5000 });
  const times: number[] = [];
  const cpu = cpuMs();
  for (let i = 0; i < count; i++) {
    const started = performance.now();
    await client.request('server', 'echo', payload, { timeoutMs: 5000 });
    times.push((performance.now() - started) * 1000);
  }
  const perRequest = ((cpuMs() - cpu) * 1000) / count;
  times.sort((x, y) => x - y);
  print(
    `request, ${label}, one at a time`,
    `p50 ${percentile(times, 0.5).toFixed(0)} µs, p99 ${percentile(times, 0.99).toFixed(0)} µs, client CPU ${perRequest.toFixed(0)} µs`,
  );
}

async function pipelined(client: TcpInterconnect, count: number): Promise<void> {
  const payload = 'x'.repeat(200);
  let issued = 0;
  const started = performance.now();
  const cpu = cpuMs();
  const worker = async () => {
    while (issued++ < count) await client.request('server', 'echo', payload, { timeoutMs: 5000 });
  };
  await Promise.all(Array.from({ length: 64 }, worker));
  const ms = performance.now() - started;
  print(
    'requests, 200 B, 64 in flight',
    `${Math.round((count / ms) * 1000).toLocaleString('en')}/s, client CPU ${(((cpuMs() - cpu) * 1000) / count).toFixed(1)} µs each`,
  );
}

async function messages(client: TcpInterconnect, count: number): Promise<void> {
  const payload = 'x'.repeat(200);
  const started = performance.now();
  for (let i = 0; i < count; i++) {
    client.send('server', 'note', payload);
    if (i % 500 === 499) await new Promise((resolve) => setImmediate(resolve));
  }
  const received = await client.request<number>('server', 'received', null, { timeoutMs: 20_000 });
  const ms = performance.now() - started;
  print(
    'messages, 200 B',
    `${Math.round((received / ms) * 1000).toLocaleString('en')}/s (${count - received} dropped at the queue bound)`,
  );
}

/** One of five agents: warms its code as the control store's traffic would, then is idle and tells its CPU time on request. */
async function member(name: string): Promise<void> {
  const node = create(name, 'node', true);
  node.onRequest('echo', (payload) => payload);
  process.on('message', async (message: 'cpu' | Record<string, PeerAddress>) => {
    if (message === 'cpu') return void process.send!(cpuMs());
    const others = Object.entries(message).filter(([other]) => other !== name);
    for (const [other, address] of others) node.setPeer(other, address);
    await until(() => allConnected(node, others.length));
    for (let i = 0; i < 1500; i++) {
      for (const [other] of others) await node.request(other, 'echo', i, { timeoutMs: 5000 });
    }
    process.send!('warm');
  });
  process.on('disconnect', () => process.exit(0));
  process.send!(await node.start());
}

async function idleMesh(): Promise<void> {
  const script = fileURLToPath(import.meta.url);
  const next = <T>(child: ChildProcess) =>
    new Promise<T>((resolve) => child.once('message', (message) => resolve(message as T)));
  const children = new Map<string, ChildProcess>();
  const addresses: Record<string, PeerAddress> = {};
  for (const name of ['n1', 'n2', 'n3', 'n4', 'n5']) {
    const child = fork(script, ['member', name], { execArgv: process.execArgv });
    children.set(name, child);
    addresses[name] = await next<PeerAddress>(child);
  }
  const all = [...children.values()];
  const warm = all.map((child) => next<string>(child));
  for (const child of all) child.send(addresses);
  await Promise.all(warm);
  const cpu = async () => {
    const answers = all.map((child) => next<number>(child));
    for (const child of all) child.send('cpu');
    return (await Promise.all(answers)).reduce((sum, ms) => sum + ms, 0);
  };
  await sleep(3000);
  const before = await cpu();
  await sleep(20_000);
  print('idle mesh, 5 processes', `${(((await cpu()) - before) / 200).toFixed(2)} % of a core in all`);
  for (const child of all) child.kill();
}

async function manyClients(server: PeerAddress, probe: TcpInterconnect, count: number): Promise<void> {
  const clients = Array.from({ length: count }, (_, i) => create(`${i}`, 'console', false));
  const started = performance.now();
  for (const client of clients) {
    await client.start();
    client.setPeer('server', server);
  }
  await until(() => clients.every((client) => allConnected(client, 1)));
  print(`${count} clients connect`, `${(performance.now() - started).toFixed(0)} ms`);
  const payload = 'x'.repeat(1000);
  let stop = false;
  const loops = clients.map(async (client, i) => {
    await sleep((i / count) * 500);
    while (!stop) {
      client.send('server', 'engine.note', payload);
      await sleep(500);
    }
  });
  await sleep(1500);
  const cpuBefore = await probe.request<number>('server', 'cpu', null, { timeoutMs: 5000 });
  const ownBefore = cpuMs();
  await sleep(5000);
  const cpu = (await probe.request<number>('server', 'cpu', null, { timeoutMs: 5000 })) - cpuBefore;
  print(
    `${count} clients, one 1 kB message per 500 ms each`,
    `server ${(cpu / 50).toFixed(1)} % of a core (${((cpu * 1000) / (count * 10)).toFixed(0)} µs a message), clients ${((cpuMs() - ownBefore) / 50).toFixed(1)} %`,
  );
  stop = true;
  await Promise.all(loops);
  await Promise.all(clients.map((client) => client.stop()));
}

function print(what: string, value: string): void {
  process.stdout.write(`${what.padEnd(52)} ${value}\n`);
}

async function main(): Promise<void> {
  const child = fork(fileURLToPath(import.meta.url), ['serve'], { execArgv: process.execArgv });
  const address = await new Promise<PeerAddress>((resolve) =>
    child.once('message', (message) => resolve(message as PeerAddress)),
  );
  const client = create('client', 'node', false);
  await client.start();
  client.setPeer('server', address);
  await until(() => allConnected(client, 1));
  await requests(client, '200 B', 200, 20_000);
  await requests(client, '8 kB', 8000, 10_000);
  await pipelined(client, 100_000);
  await messages(client, 200_000);
  await manyClients(address, client, Number(process.argv[2] ?? 1000));
  await client.stop();
  child.kill();
  await idleMesh();
}

if (process.argv[2] === 'serve') await serve();
else if (process.argv[2] === 'member') await member(process.argv[3]!);
else await main();
