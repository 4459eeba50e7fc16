/** Upgrades and sockets as strangers use them: what is no WebSocket of ours is refused in words, and who lost the right is told to go. */
import http from 'node:http';
import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';
import WebSocket from 'ws';
import { allProcedures } from '@/server/procedures/registry';
import { type ConsoleFixture, startConsole, type Wire } from '../testing/console-fixture';
import { streams } from '../testing/streams';

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

  it('ends when the key that connection_init brought is revoked', async () => {
    const { id, secret } = await temporaryKey();
    const socket = await connect({ 'X-API-Key': secret });
    const end = closed(socket);
    await console.json(`/api/v1/api-keys/${id}`, { method: 'DELETE', role: 'admin' });
    expect(await end).toEqual([4401, 'Sign in again']);
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
