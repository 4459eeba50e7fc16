/** What a client may and may not begin with, and what the router does with servers that are not ready. The server is the test's own. */
import { createServer, type Server, type Socket } from 'node:net';
import { join } from 'node:path';
import { connect as connectTls, type TLSSocket } from 'node:tls';
import { afterEach, describe, expect, it } from 'vitest';
import { encodeErrorResponse } from './core/error-response';
import type { RouterLimits } from './limits';
import { FakeCluster } from './testing/fake-cluster';
import { cancelPacket, queryPacket, RawClient, startupPacket } from './testing/raw-client';
import { eventually, TestRouter } from './testing/test-router';

const tls = {
  certFile: join(import.meta.dirname, 'testdata/router-test.crt'),
  keyFile: join(import.meta.dirname, 'testdata/router-test.key'),
};
const sslRequest = Buffer.from([0, 0, 0, 8, 0x04, 0xd2, 0x16, 0x2f]);
const gssRequest = Buffer.from([0, 0, 0, 8, 0x04, 0xd2, 0x16, 0x30]);
const authenticationOk = Buffer.from([0x52, 0, 0, 0, 8, 0, 0, 0, 0]);
const ready = Buffer.from([0x5a, 0, 0, 0, 5, 0x49]);

let router: TestRouter;
let server: Server;
let sockets: Socket[] = [];
let cluster: FakeCluster;

/** A server that calls `answer` with the n-th connection (from 1) and its first bytes. */
async function begin(
  answer: (socket: Socket, count: number, first: Buffer) => void,
  options: { readonly limits?: Partial<RouterLimits>; readonly tls?: typeof tls; readonly holdMs?: number } = {},
): Promise<number> {
  let count = 0;
  sockets = [];
  server = createServer((socket) => {
    sockets.push(socket);
    const mine = ++count;
    socket.on('error', () => {});
    socket.once('data', (first) => answer(socket, mine, first as Buffer));
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  const { port } = server.address() as { port: number };
  cluster = new FakeCluster({ a: { host: '127.0.0.1', port } });
  cluster.config = { ...cluster.config, routerHoldMs: options.holdMs ?? 5_000 };
  cluster.primary('a');
  router = await TestRouter.start(cluster, { limits: options.limits, tls: options.tls });
  await router.knows('a', 'active');
  return router.service('rw').port;
}
afterEach(async () => {
  await router.stop();
  for (const socket of sockets) socket.destroy();
  await new Promise((resolve) => server.close(resolve));
});
const welcome = (socket: Socket) => socket.write(Buffer.concat([authenticationOk, ready]));
const cannotConnectNow = encodeErrorResponse({
  severity: 'FATAL',
  code: '57P03',
  message: 'the database system is starting up',
});

describe('openings', () => {
  it.each<[string, Buffer, string, RegExp]>([
    ['an HTTP request', Buffer.from('GET / HTTP/1.1\r\nHost: x\r\n\r\n'), '08P01', /startup packet/],
    ['a packet that claims 16 MB', Buffer.from([1, 0, 0, 0]), '08P01', /length/],
    ['a packet of 10,001 bytes', Buffer.from([0, 0, 0x27, 0x11]), '08P01', /length/],
    ['protocol 2', startupPacket('app', 0x20000), '0A000', /unsupported frontend protocol 2.0/],
    ['two SSLRequests', Buffer.concat([sslRequest, sslRequest]), '08P01', /second SSLRequest/],
    ['two GSSENCRequests', Buffer.concat([gssRequest, gssRequest]), '08P01', /second GSSENCRequest/],
  ])('%s is refused and never reaches a server', async (_name, bytes, code, message) => {
    const port = await begin(welcome);
    const client = await RawClient.connect(port);
    const letters: Buffer[] = [];
    client.socket.on('data', (chunk) => letters.push(chunk as Buffer));
    client.socket.write(bytes);
    await client.closed;
    const all = Buffer.concat(letters).toString('latin1');
    expect(all).toContain(`C${code}`);
    expect(all).toMatch(message);
    expect(sockets.length).toBe(0);
  });

  it('a client that says nothing is dropped in time, and their number is bounded', async () => {
    const port = await begin(welcome, { limits: { openingMs: 300, maxOpening: 5 } });
    const clients = await Promise.all(Array.from({ length: 8 }, () => RawClient.connect(port)));
    await eventually('those beyond the bound are gone', () => clients.filter((one) => one.isClosed).length === 3);
    await Promise.all(clients.map((one) => one.closed));
    expect((await RawClient.connect(port)).isClosed).toBe(false);
  });

  it('a packet in single bytes behind refused encryption is forwarded whole and unchanged', async () => {
    const packet = startupPacket('app', 0x30002);
    let seen: Buffer = Buffer.alloc(0);
    const port = await begin((socket, _count, first) => {
      seen = first;
      welcome(socket);
    });
    const client = await RawClient.connect(port);
    const letters: string[] = [];
    client.socket.once('data', (chunk) => letters.push(chunk.toString()));
    client.socket.write(gssRequest);
    await eventually('GSS is declined', () => letters.length === 1);
    client.rest = Buffer.alloc(0);
    client.socket.once('data', (chunk) => letters.push(chunk.toString()));
    client.socket.write(sslRequest);
    await eventually('SSL is declined', () => letters.length === 2);
    client.rest = Buffer.alloc(0);
    expect(letters).toEqual(['N', 'N']);
    for (const byte of packet) client.socket.write(Buffer.from([byte]));
    expect(await client.next('Z')).not.toBeNull();
    expect(seen.equals(packet)).toBe(true);
  });

  it('an unknown cancel key is ignored without a word', async () => {
    const port = await begin(welcome);
    const client = await RawClient.connect(port);
    client.socket.write(cancelPacket(Buffer.alloc(8)));
    await client.closed;
    expect(client.messages).toEqual([]);
    expect(sockets.length).toBe(0);
  });

  it('a held client may not send without end', async () => {
    const port = await begin(welcome);
    cluster.set('a', { role: 'none', remainingMs: 0 });
    cluster.hint('a', 1);
    await router.knows('a', 'down');
    const client = await RawClient.connect(port);
    client.socket.write(startupPacket('app'));
    await eventually('it is held', () => router.service('rw').held === 1);
    client.socket.write(Buffer.alloc(20_000));
    expect(await client.error()).toMatchObject({ code: '08P01' });
    expect(router.service('rw').held).toBe(0);
  });
});

describe('TLS ends at the router', () => {
  const trust = { host: '127.0.0.1', rejectUnauthorized: false, ALPNProtocols: ['postgresql'] };
  async function talk(secure: TLSSocket): Promise<void> {
    const client = new RawClient(secure);
    secure.write(startupPacket('app'));
    expect(await client.next('Z')).not.toBeNull();
    expect(secure.encrypted).toBe(true);
    expect(router.router.status().clients).toMatchObject([{ user: 'app', applicationName: 'raw' }]);
    secure.destroy();
  }
  it('after SSLRequest', async () => {
    const port = await begin((socket) => welcome(socket), { tls });
    const plain = await RawClient.connect(port);
    plain.socket.removeAllListeners('data');
    const letter = new Promise<string>((resolve) => plain.socket.once('data', (chunk) => resolve(chunk.toString())));
    plain.socket.write(sslRequest);
    expect(await letter).toBe('S');
    await talk(connectTls({ ...trust, socket: plain.socket }));
  });
  it('without asking (direct negotiation)', async () => {
    const port = await begin((socket) => welcome(socket), { tls });
    await talk(connectTls({ ...trust, port }));
  });
  it('refuses what was slipped in before the encryption', async () => {
    const port = await begin(welcome, { tls });
    const client = await RawClient.connect(port);
    client.socket.write(Buffer.concat([sslRequest, startupPacket('app')]));
    expect(await client.error()).toMatchObject({ message: expect.stringMatching(/unencrypted data after SSL/) });
    expect(sockets.length).toBe(0);
  });
  it('direct negotiation without a certificate is closed', async () => {
    const port = await begin(welcome);
    const secure = connectTls({ ...trust, port });
    const error = await new Promise<Error>((resolve) => secure.once('error', resolve));
    expect(error).toBeInstanceOf(Error);
  });
});

describe('a server that is not ready', () => {
  it('is tried again while it says so, and the client notices nothing', async () => {
    const port = await begin((socket, count) => (count <= 3 ? socket.end(cannotConnectNow) : welcome(socket)));
    const client = await RawClient.connect(port);
    client.socket.write(startupPacket('app'));
    await client.next('Z');
    expect(client.messages).toEqual([]);
    expect(sockets.length).toBe(4);
  });
  it('ends the wait at the bound with the server’s own reason', async () => {
    const port = await begin((socket) => socket.end(cannotConnectNow), { holdMs: 300 });
    const client = await RawClient.connect(port);
    client.socket.write(startupPacket('app'));
    expect(await client.error()).toMatchObject({ code: '57P03', message: expect.stringMatching(/starting up/) });
    expect(sockets.length).toBeGreaterThan(2);
  });
  it('that hangs is given up and tried again', async () => {
    const port = await begin((socket, count) => void (count > 1 && welcome(socket)), { limits: { connectMs: 200 } });
    const client = await RawClient.connect(port);
    client.socket.write(startupPacket('app'));
    expect(await client.next('Z')).not.toBeNull();
    expect(sockets.length).toBe(2);
  });
  it('other refusals pass on unchanged, at once', async () => {
    const full = encodeErrorResponse({ severity: 'FATAL', code: '53300', message: 'sorry, too many clients already' });
    const port = await begin((socket) => socket.end(full));
    const client = await RawClient.connect(port);
    client.socket.write(startupPacket('app'));
    expect(await client.error()).toEqual({
      severity: 'FATAL',
      code: '53300',
      message: 'sorry, too many clients already',
    });
    expect(sockets.length).toBe(1);
  });
  it('that does not speak PostgreSQL is no server', async () => {
    const port = await begin((socket) => socket.write('HTTP/1.1 400 Bad Request\r\n\r\n'), { holdMs: 200 });
    const client = await RawClient.connect(port);
    client.socket.write(startupPacket('app'));
    expect(await client.error()).toMatchObject({ message: expect.stringMatching(/not that of a PostgreSQL server/) });
  });
  it('that answers only after its primary began to drain does not get the client any more', async () => {
    const waiting: Socket[] = [];
    const port = await begin((socket) => void waiting.push(socket));
    const client = await RawClient.connect(port);
    client.socket.write(startupPacket('app'));
    await eventually('the attempt is under way', () => waiting.length === 1);
    cluster.set('a', { draining: true });
    cluster.hint('a', 1);
    await eventually('it drains', () => router.service('rw').endpoints[0]!.reason?.includes('handing') === true);
    const gone = new Promise((resolve) => waiting[0]!.once('close', resolve));
    welcome(waiting[0]!);
    await gone;
    expect(router.service('rw')).toMatchObject({ held: 1, openSessions: 0 });
    expect(client.messages).toEqual([]);
    cluster.primary('a');
    cluster.hint('a', 1);
    await eventually('it is tried again', () => waiting.length === 2);
    welcome(waiting[1]!);
    expect(await client.next('Z')).not.toBeNull();
  });
  it('an attempt under way is given up when the primary changes', async () => {
    const port = await begin(() => {}, { limits: { connectMs: 60_000 } });
    const client = await RawClient.connect(port);
    client.socket.write(startupPacket('app'));
    await eventually('the attempt is under way', () => sockets.length === 1);
    const gone = new Promise((resolve) => sockets[0]!.once('close', resolve));
    sockets[0]!.resume();
    cluster.hint('a', 2);
    await gone;
    expect(router.service('rw').held).toBe(1);
    client.socket.destroy();
  });
});

describe('sessions', () => {
  it('a server that vanishes is reported as 57P01, one that said goodbye is not', async () => {
    const goodbye = encodeErrorResponse({ severity: 'FATAL', code: '57P02', message: 'crash of another process' });
    const port = await begin((socket, count) => {
      socket.write(Buffer.concat([authenticationOk, ready]), () => {
        if (count === 1) socket.destroy();
        else socket.end(goodbye);
      });
    });
    const first = await RawClient.connect(port);
    first.socket.write(startupPacket('app'));
    expect(await first.error()).toMatchObject({ code: '57P01', message: expect.stringMatching(/a closed/) });
    const second = await RawClient.connect(port);
    second.socket.write(startupPacket('app'));
    await second.closed;
    const errors = second.messages.filter((message) => message.type === 'E');
    expect(errors.length).toBe(1);
  });
  it('their number is bounded', async () => {
    const port = await begin((socket) => welcome(socket), { limits: { maxSessions: 1 } });
    const first = await RawClient.connect(port);
    first.socket.write(startupPacket('app'));
    await first.next('Z');
    const second = await RawClient.connect(port);
    second.socket.write(startupPacket('app'));
    expect(await second.error()).toMatchObject({ code: '53300' });
    first.socket.write(queryPacket('x'));
    first.socket.destroy();
    await eventually('it is gone', () => router.service('rw').openSessions === 0);
  });
});
