import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { connect, createServer, type Server, type Socket } from 'node:net';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import type { Fault } from './api';
import { eventually, silent } from './testing/mesh';
import { WalProxy, type WalProxyOptions } from './wal-proxy';

/** A stand-in for PostgreSQL: remembers what came in and can say anything. */
class PlainServer {
  readonly sockets: Socket[] = [];
  received = '';
  port = 0;
  readonly #server: Server;
  constructor(readonly name: string) {
    this.#server = createServer((socket) => {
      this.sockets.push(socket);
      socket.on('error', () => undefined);
      socket.on('data', (chunk) => {
        this.received += chunk.toString();
      });
      socket.write(`${name}:`);
    });
  }
  async start(): Promise<this> {
    await new Promise<void>((resolve) => this.#server.listen(0, '127.0.0.1', resolve));
    const address = this.#server.address();
    this.port = typeof address === 'object' && address !== null ? address.port : 0;
    return this;
  }
  say(text: string): void {
    for (const socket of this.sockets) socket.write(text);
  }
  stop(): Promise<void> {
    for (const socket of this.sockets) socket.destroy();
    return new Promise((resolve) => this.#server.close(() => resolve()));
  }
}

type Client = { readonly socket: Socket; text: string; closed: boolean };

let primary: PlainServer;
let other: PlainServer;
let proxy: WalProxy;
let port: number;
let faults: Fault[];
const clients: Client[] = [];

function dial(): Client {
  const client: Client = { socket: connect({ host: '127.0.0.1', port }), text: '', closed: false };
  client.socket.on('data', (chunk) => {
    client.text += chunk.toString();
  });
  client.socket.on('error', () => undefined);
  client.socket.on('close', () => {
    client.closed = true;
  });
  clients.push(client);
  return client;
}

function fault(direction: Fault['direction'], kind: Fault['kind'], extra: Partial<Fault> = {}): Fault {
  return { peer: 'node-1', direction, channel: 'wal', kind, ...extra };
}

/** In place of the one before, if there was one. */
async function begin(more: Pick<WalProxyOptions, 'users' | 'authenticationMs'> = {}): Promise<void> {
  await proxy?.stop();
  const place = { nodeId: 'node-2', listenHost: '127.0.0.1', listenPort: 0 };
  proxy = new WalProxy({ ...place, logger: silent, faults: () => faults, ...more });
  port = await proxy.start();
  proxy.setUpstream({ node: 'node-1', host: '127.0.0.1', port: primary.port });
}

beforeEach(async () => {
  faults = [];
  primary = await new PlainServer('one').start();
  other = await new PlainServer('two').start();
  await begin();
});
afterEach(async () => {
  for (const client of clients.splice(0)) client.socket.destroy();
  await proxy.stop();
  await primary.stop();
  await other.stop();
});

describe('WAL proxy', () => {
  it('relays both ways and counts the bytes', async () => {
    const client = dial();
    client.socket.write('start replication');
    await eventually('both sides have heard', () => client.text === 'one:' && primary.received === 'start replication');
    expect(proxy.stats()).toMatchObject({ connections: 1, inBytes: 4, outBytes: 17 });
    client.socket.end();
    await eventually('the end reaches the primary', () => primary.sockets[0]!.readableEnded);
  });

  it('refuses quickly without an upstream', async () => {
    proxy.setUpstream(null);
    const client = dial();
    await eventually('it is refused', () => client.closed, 1000);
    expect(client.text).toBe('');
  });

  it('cuts what leads to another upstream, and only that', async () => {
    const client = dial();
    await eventually('it is connected', () => client.text === 'one:');
    proxy.setUpstream({ node: 'node-1', host: '127.0.0.1', port: primary.port });
    expect(proxy.stats().connections).toBe(1);
    proxy.setUpstream({ node: 'node-3', host: '127.0.0.1', port: other.port });
    await eventually('it is cut', () => client.closed);
    const next = dial();
    await eventually('the new one leads elsewhere', () => next.text === 'two:');
  });

  it('closes the connection when the primary is not there', async () => {
    await primary.stop();
    const client = dial();
    await eventually('it is closed', () => client.closed);
  });

  it.each(['in', 'out'] as const)(
    'holds bytes of one direction under a partition (%s) and lets them go at its end',
    async (held) => {
      const client = dial();
      await eventually('it is connected', () => client.text === 'one:' && primary.sockets.length === 1);
      faults = [fault(held, 'partition')];
      proxy.applyFaults();
      primary.say('wal');
      client.socket.write('ack');
      if (held === 'in') await eventually('the other direction passes', () => primary.received === 'ack');
      else await eventually('the other direction passes', () => client.text === 'one:wal');
      const next = dial();
      await eventually('a new connection is taken but hangs', () => proxy.stats().connections === 2);
      expect(held === 'in' ? client.text : primary.received).toBe(held === 'in' ? 'one:' : '');
      expect(next.text).toBe('');
      expect(primary.sockets.length).toBe(1);
      faults = [];
      await eventually('what was held arrives', () => client.text === 'one:wal' && primary.received.startsWith('ack'));
      await eventually('the new connection begins', () => next.text === 'one:');
    },
  );

  it('ignores faults of other channels and peers', async () => {
    faults = [
      { ...fault('both', 'partition'), channel: 'interconnect' },
      { ...fault('both', 'partition'), peer: 'node-9' },
      fault('both', 'partition', { until: new Date(Date.now() - 1).toISOString() }),
    ];
    const client = dial();
    await eventually('it passes', () => client.text === 'one:');
  });

  it('delays bytes and keeps their order', async () => {
    const client = dial();
    await eventually('it is connected', () => client.text === 'one:' && primary.sockets.length === 1);
    faults = [fault('in', 'delay', { delayMs: 120, jitterMs: 60 })];
    proxy.applyFaults();
    const started = performance.now();
    primary.say('a');
    await eventually('the first has arrived', () => client.text === 'one:a');
    expect(performance.now() - started).toBeGreaterThan(50);
    let expected = 'one:a';
    for (let i = 0; i < 50; i++) {
      primary.say(`${i},`);
      expected += `${i},`;
    }
    await eventually('all have arrived in order', () => client.text === expected);
  });

  it('stops the sender while the receiver does not read', async () => {
    const client = dial();
    await eventually('it is connected', () => client.text === 'one:');
    client.socket.pause();
    const chunk = Buffer.alloc(1024 * 1024);
    const source = primary.sockets[0]!;
    let written = 0;
    // Kernel buffers on both sides take a few MiB; after that nothing may disappear into the proxy's memory.
    while (written < 64 && source.writableLength < 8 * 1024 * 1024) {
      source.write(chunk);
      written++;
      await new Promise((resolve) => setImmediate(resolve));
    }
    await eventually('the source is stuck', () => source.writableLength > 0);
    expect(written * chunk.length - source.writableLength).toBeLessThan(32 * 1024 * 1024);
    expect(written).toBeLessThan(64);
    client.text = '';
    let total = 0;
    client.socket.on('data', (data) => {
      total += data.length;
    });
    client.socket.resume();
    await eventually('everything arrives after all', () => total === written * chunk.length);
  });

  it('bounds its connections: under a partition the oldest that waits gives way', async () => {
    faults = [fault('both', 'partition')];
    const first = dial();
    await eventually('it waits', () => proxy.stats().connections === 1);
    for (let i = 0; i < 31; i++) dial();
    await eventually('the bound is reached', () => proxy.stats().connections === 32);
    expect(first.closed).toBe(false);
    const last = dial();
    await eventually('the oldest gave way', () => first.closed);
    expect(proxy.stats().connections).toBe(32);
    faults = [];
    await eventually('the rest is served', () => last.text === 'one:' && primary.sockets.length === 32);
  });

  it('keeps those that the primary let in, and ends the others in time', async () => {
    await begin({ authenticationMs: 300 });
    const standby = dial();
    await eventually('it is connected', () => standby.text === 'one:');
    // In two chunks, as a network may cut it.
    primary.say('R\0\0\0\u0008');
    primary.say('\0\0\0\0');
    await eventually('it hears', () => standby.text.endsWith('\0\0\0\0'));
    const strangers = Array.from({ length: 100 }, dial);
    await eventually('the strangers are gone', () => strangers.every((one) => one.closed));
    expect(standby.closed).toBe(false);
    expect(proxy.stats().connections).toBe(1);
  });

  it.runIf(process.getuid?.() === 0 && process.platform === 'linux')('refuses processes of other users', async () => {
    await begin({ users: [65534] });
    const stranger = dial();
    await eventually('the stranger is refused', () => stranger.closed);
    const program = `require('net').connect(${port}, '127.0.0.1').on('data', (chunk) => process.stdout.write(chunk))`;
    const own = spawn(process.execPath, ['-e', program], { uid: 65534, gid: 65534, cwd: '/' });
    const [heard] = await once(own.stdout, 'data');
    expect(String(heard)).toBe('one:');
    own.kill('SIGKILL');
    await once(own, 'exit');
  });

  it('cut() ends all connections and takes new ones', async () => {
    const client = dial();
    await eventually('it is connected', () => client.text === 'one:');
    proxy.cut();
    await eventually('it is cut', () => client.closed);
    const next = dial();
    await eventually('a new one is served', () => next.text === 'one:');
  });
});
