/** Upgrades and sockets as strangers use them: what is no WebSocket of ours is refused in words, and who lost the right is told to go. */
import { on } from 'node:events';
import http from 'node:http';
import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';
import WebSocket from 'ws';
import { allProcedures } from '@/server/procedures/registry';
import { type ConsoleFixture, startConsole, type Wire } from '../testing/console-fixture';
import { streams } from '../testing/streams';
import { maxSubscriptions } from './socket-bounds';

let console: ConsoleFixture;
/** Of the console itself. */
let listeners: number;
beforeEach(async () => {
  console = await startConsole();
  listeners = console.engine.listeners;
});
afterEach(() => console.stop());

async function temporaryKey(): Promise<{ id: string; secret: string }> {
  const body = { name: 'short', role: 'viewer' };
  return (await console.json('/api/v1/api-keys', { method: 'POST', role: 'admin', body })).body;
}

/** With the target as it is: URL would tidy it up. */
function upgrade(target: string, headers: Record<string, string> = {}): Promise<{ status: number; body: Wire }> {
  const { hostname, port } = new URL(console.url);
  return new Promise((resolve, reject) => {
    const request = http.get({
      hostname,
      port,
      path: target,
      agent: false,
      headers: { Connection: 'Upgrade', Upgrade: 'websocket', ...headers },
    });
    request.on('error', reject);
    request.on('response', async (response) => {
      let text = '';
      for await (const chunk of response) text += chunk;
      resolve({ status: response.statusCode!, body: JSON.parse(text) });
    });
  });
}

describe('an upgrade', () => {
  it.each([
    ['//', 404, 'NOT_FOUND'],
    ['/nodes', 404, 'NOT_FOUND'],
    ['/api/v1/ws/nothing', 404, 'NOT_FOUND'],
    ['http://console.example/api/v1/ws/nothing', 404, 'NOT_FOUND'],
    ['http://[', 400, 'INVALID_INPUT'],
    ['*', 400, 'INVALID_INPUT'],
  ])('to %s is refused, and nothing else happens', async (target, status, code) => {
    expect(await upgrade(target)).toMatchObject({ status, body: { code } });
    expect((await console.request('/healthz', { role: null })).status).toBe(200);
  });

  it('to another protocol is refused with what to do', async () => {
    const answer = await upgrade('/api/v1/cluster/nodes', { Upgrade: 'h2c', 'X-API-Key': console.keys.viewer });
    expect(answer).toMatchObject({ status: 400, body: { code: 'INVALID_INPUT' } });
    expect(answer.body.message).toContain('without the header');
  });
});

describe('GraphQL over a WebSocket', () => {
  const sockets: WebSocket[] = [];
  afterEach(() => {
    for (const socket of sockets.splice(0)) socket.terminate();
  });

  async function connect(payload: Record<string, string>): Promise<WebSocket> {
    const socket = new WebSocket(`${console.url.replace('http', 'ws')}/graphql`, 'graphql-transport-ws');
    sockets.push(socket);
    await new Promise((resolve) => socket.once('open', resolve));
    const acknowledged = new Promise((resolve) => socket.once('message', resolve));
    socket.send(JSON.stringify({ type: 'connection_init', payload }));
    await acknowledged;
    return socket;
  }
  const closed = (socket: WebSocket) =>
    new Promise<[number, string]>((resolve) =>
      socket.once('close', (code, reason) => resolve([code, reason.toString()])),
    );

  it('takes nonsense for the client’s mistake, not for its own', async () => {
    const told = vi.spyOn(globalThis.console, 'error').mockImplementation(() => undefined);
    const socket = await connect({ 'X-API-Key': console.keys.viewer });
    socket.send(JSON.stringify({ type: 'next', id: '1', payload: {} }));
    expect(await closed(socket)).toEqual([4400, 'Invalid message']);
    expect(told).not.toHaveBeenCalled();
    told.mockRestore();
  });

  it('holds so many subscriptions and no more', async () => {
    const socket = await connect({ 'X-API-Key': console.keys.viewer });
    const messages = on(socket, 'message');
    const subscribe = (id: string) => {
      const payload = { query: 'subscription { clusterEvents { event_id } }' };
      socket.send(JSON.stringify({ type: 'subscribe', id, payload }));
    };
    for (let id = 1; id <= maxSubscriptions + 1; id++) subscribe(`s${id}`);
    const refused = JSON.parse(String((await messages.next()).value[0]));
    expect(refused).toMatchObject({
      id: `s${maxSubscriptions + 1}`,
      payload: { errors: [{ extensions: { code: 'CONFLICT' } }] },
    });
    await expect.poll(() => console.engine.listeners).toBe(listeners + maxSubscriptions);
    // What is no subscription is over at once.
    await messages.next();
    socket.send(JSON.stringify({ type: 'subscribe', id: 'q', payload: { query: '{ __typename }' } }));
    expect(JSON.parse(String((await messages.next()).value[0])).payload).toEqual({ data: { __typename: 'Query' } });
  });

  it.each([
    ['a key that is misspelt', { query: '{ __typename }', varables: {} }],
    ['a subscription to nothing', { query: 'subscription { clusterEvents @skip(if: true) { event_id } }' }],
    ['an operation that the document has not', { query: 'query A { __typename }', operationName: 'B' }],
    [
      'a variable of another type',
      { query: 'query ($l: Int) { clusterNodes(limit: $l) { id } }', variables: { l: 'x' } },
    ],
    [
      'one of a subscription',
      {
        query: 'subscription ($t: Int!) { replicationLagChanged(threshold_ms: $t) { lag_ms } }',
        variables: { t: 'x' },
      },
    ],
  ])('refuses %s with our code', async (_what, payload) => {
    const socket = await connect({ 'X-API-Key': console.keys.viewer });
    const answer = new Promise<Wire>((resolve) => socket.once('message', (data) => resolve(JSON.parse(String(data)))));
    socket.send(JSON.stringify({ type: 'subscribe', id: 'a', payload }));
    const [error] = (await answer).payload.errors;
    expect(error.extensions).toMatchObject({ code: 'INVALID_INPUT', request_id: expect.stringMatching(/./) });
  });

  it('ends when the key that connection_init brought is revoked', async () => {
    const { id, secret } = await temporaryKey();
    const socket = await connect({ 'X-API-Key': secret });
    const end = closed(socket);
    await console.json(`/api/v1/api-keys/${id}`, { method: 'DELETE', role: 'admin' });
    expect(await end).toEqual([4401, 'Sign in again']);
  });
});

describe('tRPC over a WebSocket', () => {
  const sockets: WebSocket[] = [];
  afterEach(() => {
    for (const socket of sockets.splice(0)) socket.terminate();
  });

  /** Answers in their order. */
  function open(search = '', headers: Record<string, string> = {}) {
    const url = `${console.url.replace('http', 'ws')}/api/trpc${search}`;
    const socket = new WebSocket(url, { headers: { 'X-API-Key': console.keys.viewer, ...headers } });
    sockets.push(socket);
    const messages = on(socket, 'message');
    return {
      opened: new Promise((resolve) => socket.once('open', resolve)),
      send: (message: unknown) => socket.send(typeof message === 'string' ? message : JSON.stringify(message)),
      next: async (): Promise<Wire> => JSON.parse(String((await messages.next()).value[0])),
    };
  }

  it.each([
    ['', 'nonsense', 'The request is not valid JSON'],
    ['', 'null', 'The request is none that tRPC knows'],
    ['', '{"method":"query","params":{"path":"auth.me"}}', 'The request is none that tRPC knows'],
    ['?connectionParams=1', 'nonsense', 'The request is not valid JSON'],
  ])('%s refuses %s under the id of its upgrade, before there is a call', async (search, message, sentence) => {
    const socket = open(search, { 'X-Request-Id': 'my-own-id' });
    await socket.opened;
    socket.send(message);
    const { error } = (await socket.next()).error.data;
    expect(error).toMatchObject({ code: 'INVALID_INPUT', message: sentence, request_id: 'my-own-id' });
  });

  it('holds so many subscriptions and no more, and takes another when one has ended', async () => {
    const socket = open();
    await socket.opened;
    const subscribe = (id: number) =>
      socket.send({ id, method: 'subscription', params: { path: 'events.stream', input: {} } });
    for (let id = 1; id <= maxSubscriptions; id++) {
      subscribe(id);
      expect((await socket.next()).result.type).toBe('started');
    }
    await expect.poll(() => console.engine.listeners).toBe(listeners + maxSubscriptions);
    subscribe(1001);
    expect((await socket.next()).result.type).toBe('started');
    expect((await socket.next()).error.data.error).toMatchObject({ code: 'CONFLICT' });
    expect((await socket.next()).result.type).toBe('stopped');
    socket.send({ id: 1, method: 'subscription.stop' });
    expect((await socket.next()).result.type).toBe('stopped');
    subscribe(1002);
    expect((await socket.next()).result.type).toBe('started');
    await expect.poll(() => console.engine.listeners).toBe(listeners + maxSubscriptions);
  });
});

describe('an event stream over HTTP', () => {
  const definition = allProcedures.find((one) => one.name === 'events.stream')!;

  it.each(Object.entries(streams))('(%s) ends when its key is revoked', async (_surface, open) => {
    const { id, secret } = await temporaryKey();
    const stream = await open(console.url, definition, {}, { 'X-API-Key': secret });
    console.engine.emit({});
    expect(await stream.next()).toMatchObject({ event_type: 'node_health_change' });
    await console.json(`/api/v1/api-keys/${id}`, { method: 'DELETE', role: 'admin' });
    expect(await stream.next()).toBeUndefined();
    // Nothing is left that could tell more.
    await expect.poll(() => console.engine.listeners, { timeout: 10_000 }).toBe(listeners);
  });
});
