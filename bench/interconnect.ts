/**
 * What the interconnect costs over loopback, two processes: request latency, pipelined requests, one-way messages, an idle five-node mesh
 * and many clients. Run: `node --import tsx bench/interconnect.ts [clients]`
 */
import { fork } from 'node:child_process';
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

async function idleMesh(): Promise<void> {
  const names = ['n1', 'n2', 'n3', 'n4', 'n5'];
  const nodes = names.map((name) => create(name, 'node', true));
  const addresses = await Promise.all(nodes.map((node) => node.start()));
  for (const node of nodes) {
    for (const [i, name] of names.entries()) node.setPeer(name, addresses[i]!);
  }
  await until(() => nodes.every((node) => allConnected(node, 4)));
  await sleep(1000);
  const cpu = cpuMs();
  await sleep(10_000);
  print('idle mesh of 5 nodes, all in one process', `${((cpuMs() - cpu) / 100).toFixed(2)} % of a core in all`);
  await Promise.all(nodes.map((node) => node.stop()));
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

await (process.argv[2] === 'serve' ? serve() : main());
