/** Sockets without an identity never take the place of those with one. */
import { afterAll, beforeAll, expect, it } from 'vitest';
import WebSocket from 'ws';
import { type ConsoleFixture, startConsole } from '../testing/console-fixture';
import { Strangers } from './strangers';

let console: ConsoleFixture;
beforeAll(async () => {
  console = await startConsole({ rateLimits: { anonymous: { points: 10_000, seconds: 1 } } });
});
afterAll(() => console.stop());

/** Status of the refusal, or the open socket. */
function open(headers: Record<string, string> = {}): Promise<WebSocket | number> {
  const socket = new WebSocket(`${console.url.replace('http', 'ws')}/graphql`, 'graphql-transport-ws', { headers });
  return new Promise((resolve) => {
    socket.once('open', () => resolve(socket));
    socket.once('unexpected-response', (_request, response) => {
      response.resume();
      resolve(response.statusCode!);
    });
    socket.once('error', () => undefined);
  });
}

const closed = (socket: WebSocket) => new Promise((resolve) => socket.once('close', resolve));

it('are few of one address; who has a key comes in all the same, and who says it later leaves room', async () => {
  const answers = await Promise.all(Array.from({ length: 30 }, () => open()));
  const sockets = answers.filter((one) => typeof one !== 'number');
  expect(sockets).toHaveLength(20);
  expect(answers.filter((one) => one === 429)).toHaveLength(10);
  expect(await open({ 'X-API-Key': console.keys.viewer })).toBeInstanceOf(WebSocket);
  const [first, second] = sockets as [WebSocket, WebSocket];
  const acknowledged = new Promise((resolve) => first.once('message', resolve));
  first.send(JSON.stringify({ type: 'connection_init', payload: { 'X-API-Key': console.keys.viewer } }));
  await acknowledged;
  const next = await open();
  expect(next).toBeInstanceOf(WebSocket);
  expect(await open()).toBe(429);
  second.close();
  await closed(second);
  await expect.poll(async () => typeof (await open())).toBe('object');
});

it('are few in all', () => {
  const strangers = new Strangers<object>();
  const sockets = Array.from({ length: 200 }, () => ({}));
  for (const [index, socket] of sockets.entries()) {
    strangers.requireRoom(`10.0.0.${index % 50}`);
    strangers.add(socket, `10.0.0.${index % 50}`);
  }
  expect(() => strangers.requireRoom('10.1.1.1')).toThrow(/have not signed in/);
  strangers.remove(sockets[0]!);
  strangers.remove(sockets[0]!);
  strangers.requireRoom('10.1.1.1');
});
