/** A reader of GraphQL's events that does not read costs a bounded queue, and is told what it missed. */
import { get, type IncomingMessage } from 'node:http';
import { afterEach, beforeEach, expect, it } from 'vitest';
import { queueLimit } from '@/server/procedures/shared/event-stream';
import { type ConsoleFixture, startConsole, type Wire } from '../../testing/console-fixture';

let console: ConsoleFixture;
let own: number;
beforeEach(async () => {
  console = await startConsole();
  own = console.engine.listeners;
});
afterEach(() => console.stop());

const document = encodeURIComponent('subscription { clusterEvents { event_type event_id payload } }');

function open(): Promise<IncomingMessage> {
  return new Promise((resolve, reject) => {
    const headers = { 'X-API-Key': console.keys.viewer };
    get(`${console.url}/graphql/stream?query=${document}`, { headers, agent: false }, resolve).on('error', reject);
  });
}

async function until(response: IncomingMessage, type: string): Promise<Wire[]> {
  const seen: Wire[] = [];
  let text = '';
  for await (const chunk of response) {
    text += chunk;
    const frames = text.split('\n\n');
    text = frames.pop()!;
    for (const frame of frames) {
      const data = /^data: (.*)$/m.exec(frame)?.[1];
      if (data) seen.push(JSON.parse(data).data.clusterEvents);
    }
    if (seen.some((one) => one.event_type === type)) break;
  }
  return seen;
}

it('bounds a reader that does not read', async () => {
  const response = await open();
  response.pause();
  await expect.poll(() => console.engine.listeners).toBe(own + 1);
  const count = queueLimit * 2;
  const payload = { filler: 'x'.repeat(20_000) };
  for (let i = 0; i < count; i++) {
    console.engine.emit({ payload });
    await new Promise((resolve) => setImmediate(resolve));
  }
  console.engine.emit({ eventType: 'leader_elected' });
  const seen = await until(response, 'leader_elected');
  expect(seen.length).toBeLessThan(count);
  expect(seen.filter((one) => one.event_type === 'gap').length).toBeGreaterThan(0);
  await expect.poll(() => console.engine.listeners).toBe(own);
});

it('leaves nothing behind when the reader goes while nothing happens', async () => {
  const response = await open();
  await expect.poll(() => console.engine.listeners).toBe(own + 1);
  response.destroy();
  await expect.poll(() => console.engine.listeners).toBe(own);
});

const skipped = '@skip(if: true) { event_id }';
it.each([
  `subscription { clusterEvents ${skipped} }`,
  `subscription { ... @include(if: false) { clusterEvents { event_id } } }`,
  `subscription { ...A } fragment A on Subscription { ...B } fragment B on Subscription { clusterEvents ${skipped} }`,
])('refuses %s: it would subscribe to nothing', async (query) => {
  const response = await console.request('/graphql/stream', { method: 'POST', body: { query } });
  const data = /^data: (.*)$/m.exec(await response.text())![1]!;
  expect([response.status, JSON.parse(data).errors[0].extensions.code]).toEqual([200, 'INVALID_INPUT']);
});

it('lets the fields inside be skipped', async () => {
  const query = encodeURIComponent('subscription { clusterTopologyChanged { sentence timestamp @skip(if: true) } }');
  const response = await console.request(`/graphql/stream?query=${query}`);
  const reader = response.body!.pipeThrough(new TextDecoderStream()).getReader();
  let text = '';
  while (!text.includes('data: ')) text += (await reader.read()).value;
  await reader.cancel();
  expect(text).toContain('data: {"data":{"clusterTopologyChanged":{"sentence":"Healthy"}}}');
});
