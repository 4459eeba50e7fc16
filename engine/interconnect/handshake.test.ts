import { connect, createServer, type Socket } from 'node:net';
import pino from 'pino';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { ownAnnouncement } from '../kernel/release';
import { plainRecord } from './frames';
import {
  answerChallenge,
  checkProof,
  HandshakeRefusal,
  makeChallenge,
  makeHello,
  nonceBytes,
  RecordMac,
  readHello,
} from './handshake';
import { connected, eventually, Mesh, nodeIdentity, testCluster, testSecret } from './testing/mesh';

const context = { self: nodeIdentity('a'), clusterId: testCluster, secret: testSecret };
const acceptor = { ...context, self: nodeIdentity('b') };
const nonce = (fill: number) => Buffer.alloc(nonceBytes, fill);

describe('handshake', () => {
  it('gives both sides the same keys, crosswise', () => {
    const hello = makeHello(context, nonce(1), 'b');
    expect(readHello(acceptor, hello).identity).toEqual({ ...context.self, ...ownAnnouncement });
    const challenge = makeChallenge(acceptor, nonce(2), hello);
    const answer = answerChallenge(context, hello, challenge, 'b');
    expect(answer.remote).toEqual({ ...acceptor.self, ...ownAnnouncement });
    const keys = checkProof(acceptor, hello, challenge, answer.proof, 'node:a');
    expect(keys.send).toEqual(answer.keys.receive);
    expect(keys.receive).toEqual(answer.keys.send);
    expect(keys.send).not.toEqual(keys.receive);
  });

  it('refuses a proof made for another nonce, and the own proof reflected', () => {
    const hello = makeHello(context, nonce(1), 'b');
    const challenge = makeChallenge(acceptor, nonce(2), hello);
    const { proof } = answerChallenge(context, hello, challenge, 'b');
    const fresh = makeChallenge(acceptor, nonce(3), hello);
    expect(() => checkProof(acceptor, hello, fresh, proof, 'node:a')).toThrow(/secret/);
    expect(() => checkProof(acceptor, hello, challenge, challenge.subarray(-32), 'node:a')).toThrow(/secret/);
  });

  it('refuses a challenge whose identity was changed on the way', () => {
    const hello = makeHello(context, nonce(1), null);
    const challenge = makeChallenge(acceptor, nonce(2), hello);
    const forged = Buffer.concat([
      Buffer.from(challenge.subarray(0, -32).toString().replaceAll('node:b', 'node:c')),
      challenge.subarray(-32),
    ]);
    expect(() => answerChallenge(context, hello, forged, null)).toThrow(HandshakeRefusal);
  });

  it.each([
    ['another version', { version: 2 }, /version 2, this process speaks 1/],
    ['another cluster', { clusterId: 'else' }, /another cluster/],
    ['the own name', { identity: acceptor.self }, /own name/],
    ['another expected node', { expected: 'z' }, /this is node:b, not z/],
    ['a short nonce', { nonce: 'AAAA' }, /not an interconnect handshake/],
    ['a client that claims a node id', { identity: { ...context.self, kind: 'console' } }, /not an interconnect/],
    ['an incarnation that is no text', { identity: { ...context.self, incarnation: {} } }, /not an interconnect/],
    ['a name with control characters', { identity: { ...context.self, name: 'node:\n' } }, /not an interconnect/],
  ])('refuses %s', (_what, change, message) => {
    const hello = JSON.parse(makeHello(context, nonce(1), 'b').toString());
    expect(() => readHello(acceptor, Buffer.from(JSON.stringify({ ...hello, ...change })))).toThrow(message);
  });

  describe('between releases', () => {
    /** As releases before levels make it: nothing but the identity of that time. */
    const olderHello = (more: object = {}) => {
      const hello = JSON.parse(makeHello(context, nonce(1), 'b').toString());
      return Buffer.from(JSON.stringify({ ...hello, identity: { ...context.self, ...more } }));
    };

    it('an older peer is taken as long as the level of the cluster is the first', () => {
      expect(readHello(acceptor, olderHello()).identity).toEqual(context.self);
      expect(readHello({ ...acceptor, minimumLevel: () => 1 }, olderHello()).identity).toEqual(context.self);
    });

    it('an older one is refused above, with what to start; a newer one is not', () => {
      const raised = { ...acceptor, minimumLevel: () => 2 };
      expect(() => readHello(raised, olderHello())).toThrow(
        /node:a runs release 0\.1\.0 or older, and this cluster was upgraded to level 2: start release 0\.2\.0 or a newer one there/,
      );
      expect(readHello(raised, olderHello({ release: '0.9.0', level: 9 })).identity).toMatchObject({ level: 9 });
    });

    it('the dialling side refuses as well', () => {
      const hello = makeHello(context, nonce(1), 'b');
      const challenge = makeChallenge({ ...acceptor, self: { ...acceptor.self, level: 1 } }, nonce(2), hello);
      expect(() => answerChallenge({ ...context, minimumLevel: () => 2 }, hello, challenge, 'b')).toThrow(/level 2/);
    });

    it.each([
      { level: 0 },
      { level: 1.5 },
      { level: '2' },
      { level: null },
      { release: 7 },
      { release: 'x'.repeat(41) },
    ])('what can be no number of a release counts as none: %o', (odd) => {
      expect(readHello(acceptor, olderHello(odd)).identity).toEqual(context.self);
    });
  });

  it('session MACs notice change, repetition and another order', () => {
    const key = Buffer.alloc(32, 5);
    const sender = new RecordMac(key);
    const seal = (text: string) => {
      const body = Buffer.from(text);
      return Buffer.concat([body, sender.next(body).subarray(0, 16)]);
    };
    const [first, second, third] = [seal('one'), seal('two'), seal('three')];
    const receiver = new RecordMac(key);
    expect(receiver.open(first!)?.toString()).toBe('one');
    expect(receiver.open(first!)).toBeNull();
    expect(new RecordMac(key).open(second!)).toBeNull();
    const flipped = Buffer.from(third!);
    flipped[0]! ^= 1;
    const other = new RecordMac(key);
    other.open(first!);
    other.open(second!);
    expect(other.open(flipped)).toBeNull();
  });
});

describe('refusals over the wire', () => {
  let mesh: Mesh;
  let log: string[];
  const sockets: Socket[] = [];
  const logger = pino({ level: 'info' }, { write: (line: string) => void log.push(line) });
  beforeEach(() => {
    log = [];
    mesh = new Mesh({ handshakeMs: 300 });
  });
  afterEach(async () => {
    for (const socket of sockets.splice(0)) socket.destroy();
    await mesh.stop();
  });
  const raw = (port: number) => {
    const socket = connect({ host: '127.0.0.1', port });
    const state = { socket, bytes: Buffer.alloc(0), closed: false };
    socket.on('data', (chunk) => {
      state.bytes = Buffer.concat([state.bytes, chunk]);
    });
    socket.on('error', () => undefined);
    socket.on('close', () => {
      state.closed = true;
    });
    sockets.push(socket);
    return state;
  };
  const said = (text: string) => log.some((line) => line.includes(text));

  it.each([
    ['the wrong secret', { secret: 'another-secret-9876543210' }, "does not know this cluster's secret"],
    ['the wrong cluster', { clusterId: 'elsewhere' }, 'belongs to another cluster'],
  ])('%s: no connection, and a clear sentence on both sides', async (_what, change, sentence) => {
    const b = await mesh.node('b', { logger });
    const a = await mesh.node('a', { ...change, logger });
    a.setPeer('b', mesh.addresses.get('b')!);
    await eventually('both have said why', () => {
      const about = log.filter((line) => line.includes(sentence));
      return about.some((line) => line.includes('cannot reach b')) && about.some((line) => line.includes('refused'));
    });
    expect(connected(a, 'b')).toBe(false);
    expect(b.linkStatus()).toEqual([]);
    expect(log.join('')).not.toContain(testSecret);
  });

  it('a recorded handshake played again is refused', async () => {
    const b = await mesh.node('b', { logger });
    const target = mesh.addresses.get('b')!.port;
    const recorded: Buffer[] = [];
    const tap = createServer((socket) => {
      const onward = connect({ host: '127.0.0.1', port: target });
      sockets.push(socket, onward);
      socket.on('data', (chunk) => {
        if (recorded.length < 2) recorded.push(chunk);
        onward.write(chunk);
      });
      onward.on('data', (chunk) => socket.write(chunk));
      for (const side of [socket, onward]) side.on('error', () => undefined);
    });
    await new Promise<void>((resolve) => tap.listen(0, '127.0.0.1', resolve));
    const address = tap.address();
    const a = await mesh.node('a');
    a.setPeer('b', { host: '127.0.0.1', port: typeof address === 'object' ? address!.port : 0 });
    await eventually('the genuine one is connected', () => connected(a, 'b'));
    let reached = false;
    b.onMessage('hit', () => {
      reached = true;
    });
    const replay = raw(target);
    replay.socket.write(recorded[0]!);
    await eventually('a fresh challenge came', () => replay.bytes.length > 0);
    replay.socket.write(recorded[1]!);
    await eventually('it is cut', () => replay.closed);
    expect(said('or repeats an old handshake')).toBe(true);
    expect(reached).toBe(false);
    await a.stop();
    await new Promise((resolve) => tap.close(resolve));
  });

  it.each([
    ['garbage', Buffer.from('GET / HTTP/1.1\r\nHost: x\r\n\r\n')],
    ['JSON that is no hello', plainRecord(Buffer.from('{"kind":"hello","version":"x"}'))],
    ['a huge claim', Buffer.from([0x7f, 0xff, 0xff, 0xff])],
  ])('%s is cut at once', async (_what, bytes) => {
    await mesh.node('b', { logger });
    const client = raw(mesh.addresses.get('b')!.port);
    client.socket.write(bytes);
    await eventually('it is cut', () => client.closed, 1000);
    expect(said('refused')).toBe(true);
  });

  it('a half-open connection is cut after the time-out, and their number is bounded', async () => {
    mesh = new Mesh({ handshakeMs: 300, unauthenticated: 4 });
    await mesh.node('b', { logger });
    const clients = Array.from({ length: 10 }, () => raw(mesh.addresses.get('b')!.port));
    await eventually('those above the bound are cut at once', () => clients.filter((c) => c.closed).length === 6, 250);
    expect(said('too many connections')).toBe(true);
    await eventually('the others at the time-out', () => clients.every((c) => c.closed), 2000);
    expect(said('no handshake within 300 ms')).toBe(true);
  });

  it('a listener that never answers costs the dialler one time-out per attempt', async () => {
    const mute = createServer((socket) => {
      sockets.push(socket);
      socket.on('error', () => undefined);
    });
    await new Promise<void>((resolve) => mute.listen(0, '127.0.0.1', resolve));
    const address = mute.address();
    const a = await mesh.node('a', { logger });
    a.setPeer('b', { host: '127.0.0.1', port: typeof address === 'object' ? address!.port : 0 });
    await eventually('the attempt is given up', () => said('no handshake within 300 ms'));
    await a.stop();
    for (const socket of sockets) socket.destroy();
    await new Promise((resolve) => mute.close(resolve));
  });

  it('bytes changed on the way after the handshake end the link', async () => {
    await mesh.node('b', { logger });
    const target = mesh.addresses.get('b')!.port;
    let tamper = false;
    const tap = createServer((socket) => {
      const onward = connect({ host: '127.0.0.1', port: target });
      sockets.push(socket, onward);
      socket.on('data', (chunk) => {
        if (tamper) chunk[chunk.length - 20]! ^= 1;
        onward.write(chunk);
      });
      onward.on('data', (chunk) => socket.write(chunk));
      onward.on('close', () => socket.destroy());
      for (const side of [socket, onward]) side.on('error', () => undefined);
    });
    await new Promise<void>((resolve) => tap.listen(0, '127.0.0.1', resolve));
    const address = tap.address();
    const a = await mesh.node('a', { logger });
    a.setPeer('b', { host: '127.0.0.1', port: typeof address === 'object' ? address!.port : 0 });
    await eventually('it is connected', () => connected(a, 'b'));
    tamper = true;
    await expect(a.request('b', 'echo', 'x', { timeoutMs: 2000 })).rejects.toMatchObject({ code: 'UNAVAILABLE' });
    tamper = false;
    await eventually('it connects anew', () => connected(a, 'b'));
    await a.stop();
    for (const socket of sockets) socket.destroy();
    await new Promise((resolve) => tap.close(resolve));
  });
});
