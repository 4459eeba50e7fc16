import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { deferred } from '../kernel/async';
import { ClusterError } from '../kernel/errors';
import { connected, eventually, Mesh } from './testing/mesh';

let mesh: Mesh;
beforeEach(() => {
  mesh = new Mesh();
});
afterEach(() => mesh.stop());

describe('requests', () => {
  it('answers with what the handler returns and says who asked', async () => {
    const { a, b } = await mesh.pair();
    b.onRequest('echo', (payload, from) => ({ payload, from: from.name }));
    const answer = await a.request('b', 'echo', { text: 'grüße', list: [1, null] }, { timeoutMs: 1000 });
    expect(answer).toEqual({ payload: { text: 'grüße', list: [1, null] }, from: 'node:a' });
  });

  it('carries undefined and large payloads', async () => {
    const { a, b } = await mesh.pair();
    b.onRequest('nothing', (payload) => payload);
    b.onRequest('large', async (payload) => payload);
    expect(await a.request('b', 'nothing', undefined, { timeoutMs: 1000 })).toBeUndefined();
    const large = 'x'.repeat(3_000_000);
    expect(await a.request('b', 'large', large, { timeoutMs: 5000 })).toBe(large);
  });

  it('carries a ClusterError with its details', async () => {
    const { a, b } = await mesh.pair();
    b.onRequest('refuse', () => {
      throw new ClusterError('PRECONDITION_FAILED', 'no', { clusterCode: 'CLU_GUARD_MISMATCH', extra: { epoch: 4 } });
    });
    await expect(a.request('b', 'refuse', {}, { timeoutMs: 1000 })).rejects.toMatchObject({
      code: 'PRECONDITION_FAILED',
      message: 'no',
      details: { clusterCode: 'CLU_GUARD_MISMATCH', extra: { epoch: 4 } },
    });
  });

  it('times out when the handler does not answer, and forgets the late answer', async () => {
    const { a, b } = await mesh.pair();
    const gate = deferred<number>();
    b.onRequest('slow', () => gate.promise);
    b.onRequest('quick', () => 2);
    await expect(a.request('b', 'slow', {}, { timeoutMs: 30 })).rejects.toMatchObject({ code: 'TIMEOUT' });
    gate.resolve(1);
    expect(await a.request('b', 'quick', {}, { timeoutMs: 1000 })).toBe(2);
  });

  it('ends at once when the caller aborts', async () => {
    const { a, b } = await mesh.pair();
    b.onRequest('slow', () => new Promise(() => undefined));
    const abort = new AbortController();
    const answer = a.request('b', 'slow', {}, { timeoutMs: 60_000, signal: abort.signal });
    abort.abort();
    await expect(answer).rejects.toMatchObject({ code: 'UNAVAILABLE' });
  });

  it('refuses when the peer is unknown or not connected', async () => {
    const a = await mesh.node('a');
    await expect(a.request('b', 'echo', {}, { timeoutMs: 1000 })).rejects.toMatchObject({
      code: 'UNAVAILABLE',
      details: { clusterCode: 'CLU_NODE_UNREACHABLE' },
    });
  });

  it('reaches itself through the same handlers, asynchronously and by copy', async () => {
    const a = await mesh.node('a');
    let handled = false;
    a.onRequest('self', (payload) => {
      handled = true;
      return payload;
    });
    const payload = { list: [1] };
    const answer = a.request('a', 'self', payload, { timeoutMs: 1000 });
    expect(handled).toBe(false);
    expect(await answer).toEqual(payload);
    expect(await answer).not.toBe(payload);
    a.onRequest('never', () => new Promise(() => undefined));
    await expect(a.request('a', 'never', {}, { timeoutMs: 20 })).rejects.toMatchObject({ code: 'TIMEOUT' });
  });

  it('says that the outcome is unknown when the connection goes while the answer is awaited', async () => {
    const { a, b } = await mesh.pair();
    const asked = deferred<void>();
    b.onRequest('slow', () => {
      asked.resolve();
      return new Promise(() => undefined);
    });
    const answer = a.request('b', 'slow', {}, { timeoutMs: 10_000 });
    const refused = expect(answer).rejects.toMatchObject({
      code: 'UNAVAILABLE',
      details: { extra: { outcome: 'unknown' } },
    });
    await asked.promise;
    await b.stop();
    await refused;
  });

  it('keeps clients away from what is between nodes', async () => {
    const b = await mesh.node('b');
    b.onRequest('raft.append', () => 'done');
    b.onRequest('engine.view.get', () => 'view');
    const client = await mesh.node('client', {
      self: { name: 'console:1', kind: 'console', nodeId: null, incarnation: null },
      listen: null,
    });
    client.setPeer('b', mesh.addresses.get('b')!);
    await eventually('the client is connected', () => connected(client, 'b'));
    expect(await client.request('b', 'engine.view.get', {}, { timeoutMs: 1000 })).toBe('view');
    await expect(client.request('b', 'raft.append', {}, { timeoutMs: 1000 })).rejects.toMatchObject({
      code: 'FORBIDDEN',
    });
  });
});

describe('messages', () => {
  it('arrive in the order in which they were sent', async () => {
    const { a, b } = await mesh.pair();
    const seen: number[] = [];
    b.onMessage('count', (payload) => seen.push(payload as number));
    for (let i = 0; i < 5000; i++) a.send('b', 'count', i);
    await eventually('all have arrived', () => seen.length === 5000);
    expect(seen).toEqual(Array.from({ length: 5000 }, (_, i) => i));
  });

  it('are counted as dropped when there is no connection', async () => {
    const a = await mesh.node('a');
    a.setPeer('b', { host: '127.0.0.1', port: 1 });
    a.send('b', 'count', 1);
    expect(a.linkStatus()[0]).toMatchObject({ connected: false, droppedMessages: 1, sentMessages: 0 });
  });
});

describe('streams', () => {
  it('deliver items until the reader closes; then the signal of the source fires', async () => {
    const { a, b } = await mesh.pair();
    let pushed: ((item: unknown) => boolean) | null = null;
    let signal: AbortSignal | null = null;
    b.onStream('ticks', (payload, _from, push, aborted) => {
      push({ first: payload });
      pushed = push;
      signal = aborted;
    });
    const items: unknown[] = [];
    const ended = deferred<Error | null>();
    const stream = a.openStream('b', 'ticks', 7, (item) => items.push(item), ended.resolve);
    await eventually('the first item is there', () => items.length === 1);
    expect(items).toEqual([{ first: 7 }]);
    expect(pushed!(1)).toBe(true);
    await eventually('the second item is there', () => items.length === 2);
    stream.close();
    expect(await ended.promise).toBeNull();
    await eventually('the source is told', () => signal!.aborted);
    expect(pushed!(2)).toBe(false);
  });

  it('end with an error at both ends when the connection is lost', async () => {
    const { a, b } = await mesh.pair();
    let signal: AbortSignal | null = null;
    b.onStream('ticks', (_payload, _from, _push, aborted) => {
      signal = aborted;
    });
    const ended = deferred<Error | null>();
    a.openStream('b', 'ticks', null, () => undefined, ended.resolve);
    await eventually('the stream is open', () => signal !== null);
    await b.stop();
    expect(await ended.promise).toMatchObject({ code: 'UNAVAILABLE' });
    expect(signal!.aborted).toBe(true);
  });

  it('end with the error of a handler that refuses', async () => {
    const { a, b } = await mesh.pair();
    b.onStream('no', () => {
      throw new ClusterError('NOT_FOUND', 'nothing here');
    });
    const ended = deferred<Error | null>();
    a.openStream('b', 'no', null, () => undefined, ended.resolve);
    expect(await ended.promise).toMatchObject({ code: 'NOT_FOUND', message: 'nothing here' });
    const unknown = deferred<Error | null>();
    a.openStream('b', 'unheard-of', null, () => undefined, unknown.resolve);
    expect(await unknown.promise).toMatchObject({ code: 'UNAVAILABLE' });
  });
});

describe('connections', () => {
  it('come back by themselves after the peer restarted on the same port', async () => {
    const { a, b } = await mesh.pair();
    const address = mesh.addresses.get('b')!;
    const states: boolean[] = [];
    a.onPeerState((peer, up) => {
      if (peer.nodeId === 'b') states.push(up);
    });
    await b.stop();
    await eventually('the loss is noticed', () => !connected(a, 'b'));
    const again = await mesh.node('b', { listen: address });
    again.onRequest('echo', (payload) => payload);
    await eventually('it is connected again', () => connected(a, 'b'));
    expect(await a.request('b', 'echo', 5, { timeoutMs: 1000 })).toBe(5);
    expect(states).toEqual([false, true]);
    expect(a.linkStatus()[0]!.reconnects).toBe(1);
  });

  it('follow a changed address and end when the peer is forgotten', async () => {
    const { a, b } = await mesh.pair();
    await b.stop();
    const moved = await mesh.node('b');
    moved.onRequest('echo', (payload) => payload);
    a.setPeer('b', mesh.addresses.get('b')!);
    await eventually('it is connected at the new address', () => connected(a, 'b'));
    a.setPeer('b', null);
    expect(a.peers()).toEqual([]);
    await expect(a.request('b', 'echo', 1, { timeoutMs: 100 })).rejects.toMatchObject({ code: 'UNAVAILABLE' });
  });

  it('measure round trips', async () => {
    const { a } = await mesh.pair();
    await eventually('a ping was answered', () => a.linkStatus()[0]!.rttUs !== null);
    const status = a.linkStatus()[0]!;
    expect(status.rttUs!.last).toBeGreaterThan(0);
    expect(status.rttUs!.p99).toBeGreaterThanOrEqual(status.rttUs!.p50);
    expect(status.phi).toBeLessThan(8);
  });
});

describe('bounds of the answering side', () => {
  it('requests in progress: the one too many is refused, later ones are served', async () => {
    mesh = new Mesh({ requestsPerConnection: 2 });
    const { a, b } = await mesh.pair();
    const gate = deferred<string>();
    b.onRequest('slow', () => gate.promise);
    const running = [1, 2].map(() => a.request('b', 'slow', null, { timeoutMs: 5000 }));
    await expect(a.request('b', 'slow', null, { timeoutMs: 5000 })).rejects.toMatchObject({ code: 'UNAVAILABLE' });
    gate.resolve('done');
    expect(await Promise.all(running)).toEqual(['done', 'done']);
    expect(await a.request('b', 'slow', null, { timeoutMs: 5000 })).toBe('done');
  });

  it('streams: the one too many ends at once, and a closed one makes room', async () => {
    mesh = new Mesh({ streamsPerConnection: 1 });
    const { a, b } = await mesh.pair();
    let sources = 0;
    b.onStream('ticks', () => void sources++);
    const first = a.openStream(
      'b',
      'ticks',
      null,
      () => undefined,
      () => undefined,
    );
    const ended = deferred<Error | null>();
    a.openStream('b', 'ticks', null, () => undefined, ended.resolve);
    expect(await ended.promise).toMatchObject({ code: 'UNAVAILABLE', message: expect.stringContaining('streams') });
    expect(sources).toBe(1);
    first.close();
    a.openStream(
      'b',
      'ticks',
      null,
      () => undefined,
      () => undefined,
    );
    await eventually('the next one is served', () => sources === 2);
  });

  it('a payload above one frame is refused where it is sent, an answer above it where it is made', async () => {
    mesh = new Mesh({ frameBytes: 10_000 });
    const { a, b } = await mesh.pair();
    b.onRequest('echo', (payload) => payload);
    b.onRequest('large', () => 'x'.repeat(20_000));
    await expect(a.request('b', 'echo', 'x'.repeat(20_000), { timeoutMs: 5000 })).rejects.toMatchObject({
      code: 'PAYLOAD_TOO_LARGE',
    });
    await expect(a.request('b', 'large', null, { timeoutMs: 5000 })).rejects.toMatchObject({
      code: 'PAYLOAD_TOO_LARGE',
    });
    expect(await a.request('b', 'echo', 'x'.repeat(5000), { timeoutMs: 5000 })).toHaveLength(5000);
  });

  it('a peer that asks without ever reading is cut', async () => {
    mesh = new Mesh({ queueMessages: 20 });
    const { a, b } = await mesh.pair();
    b.setFaults([{ peer: 'a', direction: 'out', channel: 'interconnect', kind: 'partition' }]);
    const ended: (Error | null)[] = [];
    for (let i = 0; i < 60; i++) {
      a.openStream(
        'b',
        'unheard-of',
        null,
        () => undefined,
        (error) => ended.push(error),
      );
      await new Promise((resolve) => setImmediate(resolve));
    }
    await eventually('the link is gone', () => !connected(a, 'b') && ended.length === 60);
  });
});
