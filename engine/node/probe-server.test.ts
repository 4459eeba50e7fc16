/** The port for load balancers as a stranger may use it: methods, bodies, long heads, silent and many connections, a taken port. */
import { connect, createServer, type Socket } from 'node:net';
import { afterEach, describe, expect, it } from 'vitest';
import { pollUntil } from '../kernel/async';
import { createLogger } from '../kernel/log';
import { systemLoop } from '../kernel/loop';
import { freePort } from '../testing/real-cluster';
import type { ProbeFacts } from './core/probe-facts';
import { ProbeServer, type ProbeServerOptions } from './probe-server';

const logger = createLogger('test');
logger.level = 'silent';

const facts = {
  node: 'a',
  release: '0.2.0',
  route: { role: 'primary', remainingMs: 900, draining: false },
  seen: { report: { state: 'primary', lsn: '0/1', senders: [] }, ageMs: 0 },
  group: null,
  members: () => [],
  storeAgeMs: 0,
  turnedMs: 0,
  leaseMs: 2_000,
} as unknown as ProbeFacts;

const servers: ProbeServer[] = [];
const sockets: Socket[] = [];
afterEach(() => {
  for (const server of servers.splice(0)) server.stop();
  for (const socket of sockets.splice(0)) socket.destroy();
});

async function serve(options: Partial<ProbeServerOptions> = {}): Promise<number> {
  const port = options.port ?? (await freePort());
  const server = new ProbeServer({
    host: '127.0.0.1',
    loop: systemLoop,
    logger,
    facts: () => facts,
    beforeCluster: async () => undefined,
    ...options,
    port,
  });
  servers.push(server);
  server.start();
  return port;
}

/** All that comes until the other side closes. */
async function raw(port: number, text: string): Promise<string> {
  const socket = await open(port);
  let heard = '';
  const closed = new Promise<void>((done) => socket.once('close', () => done()));
  socket.on('data', (chunk) => {
    heard += chunk;
  });
  socket.write(text);
  await closed;
  return heard;
}

async function open(port: number): Promise<Socket> {
  return pollUntil(
    () =>
      new Promise<Socket | undefined>((done) => {
        const socket = connect(port, '127.0.0.1', () => done(socket));
        socket.on('error', () => done(undefined));
        sockets.push(socket);
      }),
    { timeoutMs: 10_000, intervalMs: 20, what: 'connected' },
  );
}

describe('requests', () => {
  it('HAProxy’s plain check, without a host, is answered and the connection closed', async () => {
    const heard = await raw(await serve(), 'OPTIONS /primary HTTP/1.0\r\n\r\n');
    expect(heard).toMatch(/^HTTP\/1\.1 200 OK\r\n/);
    expect(heard).toMatch(/\r\nContent-Length: 0\r\n/);
    expect(heard.endsWith('\r\n\r\n')).toBe(true);
  });

  it('GET tells more, HEAD only its length, and nothing is to be cached or read by other sites', async () => {
    const port = await serve();
    const get = await raw(port, 'GET /replica HTTP/1.1\r\nHost: x\r\nOrigin: http://elsewhere\r\n\r\n');
    expect(get).toMatch(/^HTTP\/1\.1 503 /);
    expect(JSON.parse(get.split('\r\n\r\n')[1]!)).toMatchObject({ role: 'primary' });
    expect(get).toMatch(/Cache-Control: no-store/);
    expect(get).toMatch(/Connection: close/);
    expect(get).not.toMatch(/access-control/i);
    expect((await raw(port, 'HEAD / HTTP/1.1\r\n\r\n')).split('\r\n\r\n')[1]).toBe('');
  });

  it.each([
    [
      'a change',
      'POST /switchover HTTP/1.1\r\nContent-Length: 2\r\n\r\n{}',
      /^HTTP\/1\.1 405 [\s\S]*Allow: GET, HEAD, OPTIONS/,
    ],
    ['a body', 'GET /primary HTTP/1.1\r\nContent-Length: 5\r\n\r\nhello', /^HTTP\/1\.1 413 /],
    ['a body in chunks', 'GET /primary HTTP/1.1\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n', /^HTTP\/1\.1 413 /],
    ['a long head', `GET /primary HTTP/1.1\r\nX: ${'x'.repeat(10_000)}\r\n\r\n`, /^HTTP\/1\.1 431 /],
    ['no HTTP', `\u0000\u0001 hello\r\n\r\n`, /^HTTP\/1\.1 400 /],
    ['an unknown path', 'GET /config HTTP/1.1\r\n\r\n', /^HTTP\/1\.1 404 /],
  ])('%s is refused', async (_what, text, answer) => {
    expect(await raw(await serve(), text)).toMatch(answer);
  });

  it('one to a connection, whatever stands behind it', async () => {
    let asked = 0;
    const port = await serve({
      facts: () => {
        asked++;
        return facts;
      },
    });
    const heard = await raw(port, 'GET /primary HTTP/1.1\r\n\r\n'.repeat(50));
    expect(heard.match(/HTTP\/1\.1 200/g)).toHaveLength(1);
    expect(asked).toBe(1);
  });

  it('a mistake in an answer is a 503', async () => {
    const port = await serve({
      facts: () => {
        throw new Error('a mistake');
      },
    });
    expect(await raw(port, 'GET /primary HTTP/1.1\r\n\r\n')).toMatch(/^HTTP\/1\.1 503 /);
  });
});

describe('bounds', () => {
  it('silent connections keep nobody out: the oldest is closed', async () => {
    const port = await serve({ limits: { connections: 4 } });
    const silent: Socket[] = [];
    for (let n = 0; n < 10; n++) silent.push(await open(port));
    expect(await raw(port, 'GET /primary HTTP/1.1\r\n\r\n')).toMatch(/^HTTP\/1\.1 200 /);
    await pollUntil(() => silent.filter((socket) => socket.closed).length >= 6 || undefined, {
      timeoutMs: 10_000,
      intervalMs: 20,
      what: 'the oldest are closed',
    });
    expect(silent.at(-1)!.closed).toBe(false);
  });

  it('a connection lives as long as it may, also one that goes on sending a little', async () => {
    const port = await serve({ limits: { lifeMs: 300 } });
    const socket = await open(port);
    const closed = new Promise((done) => socket.once('close', done));
    socket.write('GET /primary HTTP/1.1\r\nX: ');
    await closed;
  });

  it('more requests than a turn answers wait for the next one, and are answered from what is so then', async () => {
    let remainingMs = 900;
    const port = await serve({
      limits: { answersPerTurn: 1, turnMs: 200 },
      facts: () => {
        const now = { ...facts, route: { ...facts.route, remainingMs } };
        remainingMs = 0;
        return now;
      },
    });
    await open(port);
    const heard = await Promise.all([1, 2, 3].map(() => raw(port, 'OPTIONS /primary HTTP/1.0\r\n\r\n')));
    expect(heard.map((one) => one.slice(9, 12)).toSorted()).toEqual(['200', '503', '503']);
  });

  it('a port that somebody else holds is taken when it is free', async () => {
    const other = createServer();
    const port = await freePort();
    await new Promise<void>((done) => other.listen(port, '127.0.0.1', done));
    await serve({ port });
    await new Promise((done) => other.close(done));
    expect(await raw(port, 'OPTIONS /primary HTTP/1.0\r\n\r\n')).toMatch(/^HTTP\/1\.1 200 /);
  });
});
