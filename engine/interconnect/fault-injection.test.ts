import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { deferred } from '../kernel/async';
import type { Fault } from './api';
import type { TcpInterconnect } from './tcp-interconnect';
import { connected, eventually, Mesh } from './testing/mesh';
import { seeded } from './testing/seeded';

let mesh: Mesh;
let a: TcpInterconnect;
let b: TcpInterconnect;
let seenByA: number[];
let seenByB: number[];
const fault = (change: Partial<Fault>): Fault => ({
  peer: 'b',
  direction: 'both',
  channel: 'interconnect',
  kind: 'partition',
  ...change,
});

async function begin(limits = {}): Promise<void> {
  mesh = new Mesh(limits);
  const pair = await mesh.pair();
  a = pair.a;
  b = pair.b;
  seenByA = [];
  seenByB = [];
  a.onMessage('n', (payload) => seenByA.push(payload as number));
  b.onMessage('n', (payload) => seenByB.push(payload as number));
  a.onRequest('echo', (payload) => payload);
  b.onRequest('echo', (payload) => payload);
}
beforeEach(() => begin());
afterEach(() => mesh.stop());

describe('partition', () => {
  it('out: nothing from here arrives there, the other way passes; at its end what was held arrives', async () => {
    a.setFaults([fault({ direction: 'out' })]);
    a.send('b', 'n', 1);
    b.send('a', 'n', 2);
    await eventually('the other way passes', () => seenByA.length === 1);
    await expect(a.request('b', 'echo', 1, { timeoutMs: 60 })).rejects.toMatchObject({ code: 'TIMEOUT' });
    // Our answer doesn't get out either.
    await expect(b.request('a', 'echo', 1, { timeoutMs: 60 })).rejects.toMatchObject({ code: 'TIMEOUT' });
    expect(seenByB).toEqual([]);
    a.setFaults([]);
    await eventually('what was held arrives', () => seenByB.length === 1);
    expect(await a.request('b', 'echo', 7, { timeoutMs: 2000 })).toBe(7);
  });

  it('in: nothing from there arrives here, the other way passes; bytes in flight wait in TCP', async () => {
    a.setFaults([fault({ direction: 'in' })]);
    b.send('a', 'n', 2);
    a.send('b', 'n', 1);
    await eventually('the other way passes', () => seenByB.length === 1);
    await expect(a.request('b', 'echo', 1, { timeoutMs: 60 })).rejects.toMatchObject({ code: 'TIMEOUT' });
    expect(seenByA).toEqual([]);
    a.setFaults([]);
    await eventually('what was held arrives', () => seenByA.length === 1);
  });

  it.each(['in', 'out', 'both'] as const)('%s: new connections hang on both sides until it ends', async (direction) => {
    await mesh.stop();
    // No handshake gives up by itself: only the end of the fault can bring the link back.
    await begin({ handshakeMs: 600_000, silenceMs: 400, pingMs: 50 });
    a.setFaults([fault({ direction })]);
    await eventually('both sides notice the silence', () => !connected(a, 'b') && !connected(b, 'a'));
    await expect(a.request('b', 'echo', 1, { timeoutMs: 100 })).rejects.toMatchObject({ code: 'UNAVAILABLE' });
    a.setFaults([]);
    await eventually('both are connected again', () => connected(a, 'b') && connected(b, 'a'));
  });

  it('of all peers spares clients, so that a rehearsal can be watched and ended', async () => {
    b.onRequest('engine.view.get', () => 'view');
    const client = await mesh.node('client', {
      self: { name: 'console:1', kind: 'console', nodeId: null, incarnation: null },
      listen: null,
    });
    client.setPeer('b', mesh.addresses.get('b')!);
    b.setFaults([fault({ peer: null })]);
    await eventually('the client is connected', () => connected(client, 'b'));
    expect(await client.request('b', 'engine.view.get', {}, { timeoutMs: 1000 })).toBe('view');
    await expect(a.request('b', 'echo', 1, { timeoutMs: 60 })).rejects.toMatchObject({ code: 'TIMEOUT' });
  });

  it('ends by itself', async () => {
    a.setFaults([fault({ until: new Date(Date.now() + 150).toISOString() })]);
    const started = performance.now();
    expect(await a.request('b', 'echo', 1, { timeoutMs: 3000 })).toBe(1);
    expect(performance.now() - started).toBeGreaterThan(100);
    expect(a.faults()).toEqual([]);
  });

  it('of other peers and of the WAL changes nothing here', async () => {
    a.setFaults([fault({ peer: 'c' }), fault({ channel: 'wal' })]);
    expect(await a.request('b', 'echo', 1, { timeoutMs: 1000 })).toBe(1);
  });

  it('holds no more than the queue bound; then messages are dropped and counted and requests refused', async () => {
    await mesh.stop();
    await begin({ queueBytes: 100_000, queueMessages: 1000 });
    a.setFaults([fault({ direction: 'out' })]);
    for (let i = 0; i < 5000; i++) a.send('b', 'n', i);
    const status = a.linkStatus()[0]!;
    expect(status.queuedBytes).toBeLessThanOrEqual(100_000);
    expect(status.queuedBytes).toBeGreaterThan(0);
    expect(status.droppedMessages).toBeGreaterThanOrEqual(4000);
    await expect(a.request('b', 'echo', 1, { timeoutMs: 1000 })).rejects.toMatchObject({
      code: 'UNAVAILABLE',
      message: expect.stringContaining('queue is full'),
    });
    a.setFaults([]);
    await eventually('what was accepted arrives', () => seenByB.length === 5000 - status.droppedMessages);
    expect(seenByB).toEqual(Array.from({ length: seenByB.length }, (_, i) => i));
  });
});

describe('drop', () => {
  it.each([
    ['out', (): TcpInterconnect => a],
    ['in', (): TcpInterconnect => b],
  ] as const)(
    '%s: loses about its share of the messages, counts them, keeps the order of the rest',
    async (direction, where) => {
      await mesh.stop();
      mesh = new Mesh();
      const random = seeded(42);
      a = await mesh.node('a', { random });
      b = await mesh.node('b', { random });
      seenByB = [];
      b.onMessage('n', (payload) => seenByB.push(payload as number));
      b.onRequest('echo', (payload) => payload);
      a.setPeer('b', mesh.addresses.get('b')!);
      b.setPeer('a', mesh.addresses.get('a')!);
      await eventually('connected', () => connected(a, 'b') && connected(b, 'a'));
      where().setFaults([fault({ peer: null, direction, kind: 'drop', probability: 0.3 })]);
      for (let i = 0; i < 2000; i++) a.send('b', 'n', i);
      await eventually(
        'each has arrived or was lost',
        () => seenByB.length + where().linkStatus()[0]!.droppedMessages >= 2000,
      );
      const numbered = [...seenByB];
      expect(numbered.length).toBeGreaterThan(1300);
      expect(numbered.length).toBeLessThan(1500);
      expect(numbered.toSorted((x, y) => x - y)).toEqual(numbered);
    },
  );

  it('of everything makes requests time out', async () => {
    a.setFaults([fault({ direction: 'in', kind: 'drop', probability: 1 })]);
    await expect(a.request('b', 'echo', 1, { timeoutMs: 60 })).rejects.toMatchObject({ code: 'TIMEOUT' });
  });

  it('never takes an item out of a stream', async () => {
    let push: ((item: unknown) => boolean) | null = null;
    b.onStream('ticks', (_payload, _from, p) => {
      push = p;
    });
    const items: unknown[] = [];
    a.openStream(
      'b',
      'ticks',
      null,
      (item) => items.push(item),
      () => undefined,
    );
    await eventually('it is open', () => push !== null);
    a.setFaults([fault({ kind: 'drop', probability: 0.9 })]);
    for (let i = 0; i < 100; i++) push!(i);
    await eventually('all are there', () => items.length === 100);
  });
});

describe('delay', () => {
  it.each(['in', 'out'] as const)('%s: every message is late, in order', async (direction) => {
    a.setFaults([fault({ direction, kind: 'delay', delayMs: 80, jitterMs: 40 })]);
    const started = performance.now();
    expect(await a.request('b', 'echo', 1, { timeoutMs: 3000 })).toBe(1);
    expect(performance.now() - started).toBeGreaterThan(39);
    const target = direction === 'out' ? seenByB : seenByA;
    const [from, to] = direction === 'out' ? ([a, 'b'] as const) : ([b, 'a'] as const);
    for (let i = 0; i < 300; i++) from.send(to, 'n', i);
    expect(target).toEqual([]);
    await eventually('all have arrived', () => target.length === 300);
    expect(target).toEqual(Array.from({ length: 300 }, (_, i) => i));
  });

  it('adds up over both directions', async () => {
    a.setFaults([fault({ kind: 'delay', delayMs: 60 })]);
    const started = performance.now();
    await a.request('b', 'echo', 1, { timeoutMs: 3000 });
    expect(performance.now() - started).toBeGreaterThan(115);
  });
});

describe('a peer that does not read', () => {
  it('ends a stream that is too slow instead of growing', async () => {
    await mesh.stop();
    await begin({ streamQueueBytes: 50_000 });
    let push: ((item: unknown) => boolean) | null = null;
    let signal: AbortSignal | null = null;
    b.onStream('flood', (_payload, _from, p, s) => {
      push = p;
      signal = s;
    });
    const ended = deferred<Error | null>();
    a.openStream('b', 'flood', null, () => undefined, ended.resolve);
    await eventually('it is open', () => push !== null);
    b.setFaults([fault({ peer: 'a', direction: 'out' })]);
    let accepted = 0;
    while (accepted < 1000 && push!('x'.repeat(1000))) accepted++;
    expect(accepted).toBeGreaterThan(10);
    expect(accepted).toBeLessThan(60);
    expect(signal!.aborted).toBe(true);
    b.setFaults([]);
    expect(await ended.promise).toMatchObject({ code: 'UNAVAILABLE', message: expect.stringContaining('too slow') });
  });
});
