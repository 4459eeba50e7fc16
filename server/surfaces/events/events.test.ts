/** Event sockets, SSE and tRPC subscriptions: greeting, filters, resume, gaps, slow clients, authorisation. */
import { on } from 'node:events';
import { readFileSync } from 'node:fs';
import { createTRPCClient, createWSClient, wsLink } from '@trpc/client';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import WebSocket from 'ws';
import { eventType } from '@/server/procedures/shared/wire-event';
import { type ConsoleFixture, startConsole, type Wire } from '../../testing/console-fixture';
import type { AppRouter } from '../trpc/router';
import { channels } from './channels';

let console: ConsoleFixture;
/** Listeners of the console itself. */
let own: number;
const sockets: WebSocket[] = [];
beforeEach(async () => {
  console = await startConsole();
  own = console.engine.listeners;
});
afterEach(async () => {
  for (const socket of sockets.splice(0)) socket.terminate();
  await console.stop();
});

type Reader = { readonly socket: WebSocket; next(): Promise<Wire> };

function open(path: string, key: string | null = console.keys.viewer): Reader {
  const socket = new WebSocket(`${console.url.replace('http', 'ws')}${path}`, {
    headers: key === null ? {} : { 'X-API-Key': key },
  });
  sockets.push(socket);
  const items: Wire[] = [];
  const waiting: ((item: Wire) => void)[] = [];
  socket.on('message', (data) => {
    const item = JSON.parse(data.toString());
    const waiter = waiting.shift();
    if (waiter) waiter(item);
    else items.push(item);
  });
  return {
    socket,
    next: () => (items.length > 0 ? Promise.resolve(items.shift()) : new Promise((resolve) => waiting.push(resolve))),
  };
}

const nodes = '/api/v1/ws/cluster/nodes';

describe('event sockets', () => {
  it('greet and deliver envelopes', async () => {
    const reader = open(nodes);
    const greeting = await reader.next();
    expect(greeting).toMatchObject({
      event_type: 'connected',
      message: expect.any(String),
      timestamp: expect.any(Number),
    });
    expect(greeting.available_events).toContain('failover_completed');
    expect(greeting.available_events).not.toContain('node_evicted');
    const event = console.engine.emit({
      eventType: 'failover_completed',
      source: 'cluster:failover',
      severity: 'warning',
    });
    expect(await reader.next()).toEqual({
      category: 'clustering',
      event_type: 'failover_completed',
      payload: {},
      severity: 'warning',
      source: 'cluster:failover',
      timestamp: Math.floor(Date.parse(event.timestamp) / 1000),
      event_id: event.eventId,
    });
  });

  it('carry only what belongs to them, narrowed by the filter', async () => {
    const reader = open(nodes);
    await reader.next();
    reader.socket.send(JSON.stringify({ node_ids: ['node-3'], include_failover_events: false }));
    reader.socket.send(JSON.stringify({ nonsense: true }));
    expect(await reader.next()).toMatchObject({ event_type: 'error', code: 'INVALID_INPUT' });
    console.engine.emit({ source: 'node:node-2' });
    console.engine.emit({ source: 'node:node-3', eventType: 'failover_initiated' });
    console.engine.emit({ source: 'replica:node-3', category: 'replication', eventType: 'replica_status_change' });
    const wanted = console.engine.emit({ source: 'node:node-3' });
    expect((await reader.next()).event_id).toBe(wanted.eventId);
  });

  it('carry positions of the WAL, which come every second, to who names that type', async () => {
    const [all, asked] = [open('/api/v1/ws/replication'), open('/api/v1/ws/replication')];
    for (const reader of [all, asked]) expect((await reader.next()).available_events).toContain('wal_position_update');
    asked.socket.send(JSON.stringify({ event_types: ['wal_position_update'], replica_ids: ['node-3'], wrong: 1 }));
    expect(await asked.next()).toMatchObject({ code: 'INVALID_INPUT' });
    asked.socket.send(JSON.stringify({ event_types: ['wal_position_update'], replica_ids: ['node-3'] }));
    asked.socket.send('nonsense');
    expect(await asked.next()).toMatchObject({ code: 'INVALID_INPUT' });
    const position = (replica: string) =>
      console.engine.emit({
        category: 'replication',
        eventType: 'wal_position_update',
        eventId: `${last.eventId}.000000000001`,
        payload: { group: 'alpha', replicas: [{ replica_id: replica }] },
        fleeting: true,
      });
    let last = console.engine.emit({});
    position('node-9');
    last = console.engine.emit({});
    const wanted = position('node-3');
    expect((await asked.next()).event_id).toBe(wanted.eventId);
    const kept = console.engine.emit({ category: 'replication', eventType: 'replication_error' });
    expect((await all.next()).event_id).toBe(kept.eventId);
  });

  it.each([
    [{ nodeids: ['node-3'] }, /^Unknown field: nodeids; known are node_ids, groups, event_types,/],
    [{ event_types: ['failover_completed', 'falover'] }, /^event_types\.1: "falover" is no type of event; known are /],
    [{ min_severity: 'bad' }, /^min_severity: .*"warning"/],
    [['node-3'], /^The filter: /],
  ])('refuse a filter that would filter nothing or everything: %j', async (filter, message) => {
    const reader = open(nodes);
    await reader.next();
    reader.socket.send(JSON.stringify(filter));
    expect(await reader.next()).toMatchObject({
      event_type: 'error',
      code: 'INVALID_INPUT',
      message: expect.stringMatching(message),
    });
  });

  it.each(['replication', 'cluster/replication', 'cluster/nodes'])(
    'take every documented type on %s, also what this engine never tells',
    async (channel) => {
      const reader = open(`/api/v1/ws/${channel}`);
      await reader.next();
      reader.socket.send(JSON.stringify({ event_types: ['node_evicted', 'conflict_resolved', 'shard_added', 'gap'] }));
      reader.socket.send('nonsense');
      expect((await reader.next()).message).toBe('The filter is not valid JSON');
    },
  );

  it('refuse the upgrade for a parameter that is not known', async () => {
    const refused = (search: string) =>
      new Promise<Wire>((resolve) => {
        const { socket } = open(`${nodes}?${search}`);
        socket.on('unexpected-response', async (_request, response) => {
          let text = '';
          for await (const chunk of response) text += chunk;
          resolve({ status: response.statusCode, headers: response.headers, body: JSON.parse(text) });
        });
        socket.on('error', () => undefined);
      });
    for (const search of ['foo=1', 'last_event_id=0&node_ids=node-3', 'foo']) {
      const { status, body, headers } = await refused(search);
      expect([status, body.code, body.details.fields.length]).toEqual([400, 'INVALID_INPUT', 1]);
      expect(body.message).toMatch(/^Unknown parameter: (foo|node_ids); known is last_event_id/);
      expect(headers['x-request-id']).toBe(body.request_id);
      expect(headers['x-content-type-options']).toBe('nosniff');
    }
    expect((await refused('last_event_id=0&last_event_id=0')).body.message).toContain('more than once');
  });

  it('take severity and group as filters too', async () => {
    const reader = open(nodes);
    await reader.next();
    reader.socket.send(JSON.stringify({ min_severity: 'error', groups: ['beta'] }));
    reader.socket.send('nonsense');
    await reader.next();
    console.engine.emit({ severity: 'critical', payload: { group: 'alpha' } });
    console.engine.emit({ severity: 'info', payload: { group: 'beta' } });
    const wanted = console.engine.emit({ severity: 'critical', payload: { group: 'beta' } });
    expect((await reader.next()).event_id).toBe(wanted.eventId);
  });

  it('refuse an id that is none, instead of hiding a loss behind it', async () => {
    const reader = open(`${nodes}?last_event_id=zzz`);
    await reader.next();
    expect(await reader.next()).toMatchObject({ event_type: 'error', code: 'INVALID_INPUT' });
  });

  it('resume after the last event that was seen, without loss', async () => {
    const first = console.engine.emit({});
    const second = console.engine.emit({});
    const reader = open(`${nodes}?last_event_id=${first.eventId}`);
    await reader.next();
    expect((await reader.next()).event_id).toBe(second.eventId);
    const third = console.engine.emit({});
    expect((await reader.next()).event_id).toBe(third.eventId);
  });

  it('tell a gap when what was missed is no longer there', async () => {
    console.engine.setEventFloor('0000000000-000000000009');
    const event = console.engine.emit({});
    const reader = open(`${nodes}?last_event_id=0000000000-000000000001`);
    await reader.next();
    expect(await reader.next()).toMatchObject({
      event_type: 'gap',
      from: '0000000000-000000000001',
      to: event.eventId,
    });
    expect((await reader.next()).event_id).toBe(event.eventId);
  });

  it('tell a gap to who comes with an id of another control store, and go on with what happens now', async () => {
    const known = console.engine.emit({});
    const elsewhere = '0000000009-000000000005';
    const reader = open(`${nodes}?last_event_id=${elsewhere}`);
    await reader.next();
    expect(await reader.next()).toMatchObject({ event_type: 'gap', from: '0', to: known.eventId });
    const news = console.engine.emit({});
    expect((await reader.next()).event_id).toBe(news.eventId);
    const stream = await console.request('/api/v1/events', { role: 'viewer', headers: { 'Last-Event-ID': elsewhere } });
    const text = stream.body!.pipeThrough(new TextDecoderStream()).getReader();
    let got = '';
    while (!got.includes('event_id')) got += (await text.read()).value;
    await text.cancel();
    expect(got).toContain('"event_type":"gap"');
  });

  it('bound a client that does not read, and tell it what it missed', async () => {
    const reader = open(nodes);
    await reader.next();
    reader.socket.pause();
    const payload = { filler: 'x'.repeat(100_000) };
    for (let i = 0; i < 300; i++) {
      console.engine.emit({ payload });
      await new Promise((resolve) => setImmediate(resolve));
    }
    reader.socket.resume();
    let seen = 0;
    // The events that fit come first; the gap follows with the first event after the client caught up.
    const last = (async () => {
      for (;;) {
        const item = await reader.next();
        if (item.event_type === 'gap') return item;
        seen++;
      }
    })();
    const pushing = setInterval(() => console.engine.emit({}), 5);
    const gap = await last;
    clearInterval(pushing);
    expect(seen).toBeLessThan(300);
    expect(gap.from < gap.to).toBe(true);
  });

  it('count each message as a call, and do what was allowed', async () => {
    const limited = await startConsole({ rateLimits: { read: { points: 2, seconds: 60 } } });
    const socket = new WebSocket(`${limited.url.replace('http', 'ws')}${nodes}`, {
      headers: { 'X-API-Key': limited.keys.viewer },
    });
    sockets.push(socket);
    const messages = on(socket, 'message');
    const next = async () => JSON.parse(String((await messages.next()).value[0]));
    expect((await next()).event_type).toBe('connected');
    for (const group of ['beta', 'alpha', 'beta']) socket.send(JSON.stringify({ groups: [group] }));
    expect(await next()).toMatchObject({ event_type: 'error', code: 'RATE_LIMITED', details: { limit: 2 } });
    limited.engine.emit({ payload: { group: 'beta' } });
    const wanted = limited.engine.emit({ payload: { group: 'alpha' } });
    expect((await next()).event_id).toBe(wanted.eventId);
    socket.terminate();
    await limited.stop();
  });

  it('refuse the unknown and the anonymous', async () => {
    const status = (path: string, key: string | null) =>
      new Promise<number>((resolve) => {
        const { socket } = open(path, key);
        socket.on('unexpected-response', (_request, response) => resolve(response.statusCode ?? 0));
        socket.on('error', () => undefined);
      });
    expect(await status(nodes, null)).toBe(401);
    expect(await status(nodes, 'wrong')).toBe(401);
    expect(await status('/api/v1/ws/cluster/nothing', console.keys.viewer)).toBe(404);
  });
});

describe('server-sent events', () => {
  async function readEvents(headers: Record<string, string>, count: number, search = ''): Promise<Wire[]> {
    const response = await console.request(`/api/v1/events${search}`, { headers });
    expect(response.headers.get('content-type')).toBe('text/event-stream; charset=utf-8');
    const found: Wire[] = [];
    let text = '';
    const reader = response.body!.getReader();
    while (found.length < count) {
      text += new TextDecoder().decode((await reader.read()).value);
      const frames = text.split('\n\n');
      text = frames.pop()!;
      for (const frame of frames) {
        const data = /^data: (.*)$/m.exec(frame)?.[1];
        if (data) found.push({ id: /^id: (.*)$/m.exec(frame)?.[1], ...JSON.parse(data) });
      }
    }
    await reader.cancel();
    return found;
  }

  it('take group, node and severity as filters, and keep audit events for admins', async () => {
    const before = console.engine.emit({});
    console.engine.emit({ payload: { group: 'beta', node_id: 'node-4' }, severity: 'error' });
    console.engine.emit({ payload: { group: 'alpha', node_id: 'node-1' }, severity: 'error', source: 'node:node-1' });
    console.engine.emit({ payload: { group: 'alpha', node_id: 'node-2' }, severity: 'info' });
    console.engine.emit({ category: 'audit', payload: { group: 'alpha', node_id: 'node-2' }, severity: 'error' });
    const wanted = console.engine.emit({ payload: { group: 'alpha', node_id: 'node-2' }, severity: 'error' });
    const search = '?groups=alpha&node_ids=node-2&min_severity=warning';
    const [event] = await readEvents({ 'Last-Event-ID': before.eventId }, 1, search);
    expect(event!.event_id).toBe(wanted.eventId);
  });

  it.each([
    ['?foo=1', /^Unknown field: foo; known are last_event_id, recent, categories, event_types, groups,/],
    ['?event_types=failover_completed,falover', /^event_types\.1: "falover" is no type of event; known are /],
    ['?categories=clustring', /^categories\.0: .*"clustering"/],
    ['?min_severity=bad', /^min_severity: .*"warning"/],
  ])('refuse %s before the stream begins', async (search, message) => {
    const { status, body } = await console.json(`/api/v1/events${search}`);
    expect([status, body.code]).toEqual([400, 'INVALID_INPUT']);
    expect(body.message).toMatch(message);
  });

  it('resume by Last-Event-ID and leave no listener behind', async () => {
    const first = console.engine.emit({});
    const second = console.engine.emit({ category: 'operation', eventType: 'operation_started' });
    const [event] = await readEvents({ 'Last-Event-ID': first.eventId }, 1);
    expect(event).toMatchObject({ id: second.eventId, event_type: 'operation_started' });
    await expect.poll(() => console.engine.listeners).toBe(own);
  });
});

it('knows every type that the engine tells', () => {
  const told = ['controller-events', 'slot-events', 'controller'].flatMap((name) => {
    const text = readFileSync(new URL(`../../../engine/cluster/${name}.ts`, import.meta.url), 'utf8');
    return [...text.matchAll(/'((?:[a-z]+_)+[a-z]+)'/g)].map((found) => found[1]!);
  });
  for (const name of ['replication-errors', 'wal-positions']) {
    const text = readFileSync(new URL(`../../../engine/cluster/${name}.ts`, import.meta.url), 'utf8');
    told.push(...[...text.matchAll(/eventType: '([a-z_]+)'/g)].map((found) => found[1]!));
  }
  // The engine's own name of a slot's change.
  const types = told.filter((one) => one !== 'wal_status');
  expect(types.length).toBeGreaterThan(20);
  expect(types.filter((one) => !eventType.safeParse(one).success)).toEqual([]);
  expect(channels.flatMap((one) => one.availableEvents).filter((one) => !told.includes(one))).toEqual([]);
});

describe('tRPC over WebSocket', () => {
  const socketClient = (key: string) => {
    const client = createWSClient({
      url: `${console.url.replace('http', 'ws')}/api/trpc`,
      WebSocket: class extends WebSocket {
        constructor(url: string) {
          super(url, { headers: { 'X-API-Key': key } });
        }
      } as unknown as typeof globalThis.WebSocket,
    });
    return { client, trpc: createTRPCClient<AppRouter>({ links: [wsLink({ client })] }) };
  };

  it('streams the view and resumable events', async () => {
    const { trpc, client } = socketClient(console.keys.viewer);
    const topology = await trpc.cluster.getTopology.query();
    expect(topology.nodes).toHaveLength(5);
    const view = await new Promise<string>((resolve) => {
      const subscription = trpc.view.stream.subscribe(
        {},
        {
          onData(live) {
            subscription.unsubscribe();
            resolve(live.topology.cluster_name);
          },
        },
      );
    });
    expect(view).toBe('orders');
    const patches = await new Promise<readonly Wire[]>((resolve) => {
      const items: Wire[] = [];
      const subscription = trpc.view.patches.subscribe(
        {},
        {
          onData(item) {
            items.push(item);
            if (items.length === 1) console.engine.change(() => ({ sentence: 'All is new' }));
            else {
              subscription.unsubscribe();
              resolve(items);
            }
          },
        },
      );
    });
    expect(patches[0]).toMatchObject({ sequence: 1, base: null, whole: { topology: { cluster_name: 'orders' } } });
    expect(patches[1]).toMatchObject({
      sequence: 2,
      base: 1,
      whole: null,
      rest: { sentence: 'All is new' },
    });
    const event = console.engine.emit({});
    console.engine.emit({ eventType: 'leader_elected' });
    const item = await new Promise<Wire>((resolve) => {
      const subscription = trpc.events.stream.subscribe(
        { last_event_id: event.eventId },
        {
          onData(data) {
            subscription.unsubscribe();
            resolve(data);
          },
        },
      );
    });
    expect(item.data.event_type).toBe('leader_elected');
    expect(item.id).toBe(item.data.event_id);
    await expect.poll(() => console.engine.listeners).toBe(own);
    await client.close();
  });

  it('events.stream begins with the newest that the reader may see, when it asks for them', async () => {
    const types = ['slot_created', 'slot_active', 'slot_dropped'];
    for (const eventType of types) console.engine.emit({ eventType, category: 'replication' });
    console.engine.emit({ eventType: 'slot_inactive', category: 'audit' });
    const { trpc, client } = socketClient(console.keys.viewer);
    const first = (input: Wire) =>
      new Promise<readonly string[]>((resolve) => {
        const seen: string[] = [];
        const subscription = trpc.events.stream.subscribe(input, {
          onStarted: () => console.engine.emit({ eventType: 'replication_error', category: 'replication' }),
          onData(item: Wire) {
            seen.push(item.data.event_type);
            if (item.data.event_type !== 'replication_error') return;
            subscription.unsubscribe();
            resolve(seen);
          },
        });
      });
    const wanted = [...types, 'slot_inactive', 'replication_error'];
    expect(await first({ recent: 2, event_types: wanted })).toEqual([
      'slot_active',
      'slot_dropped',
      'replication_error',
    ]);
    expect(await first({ event_types: ['replication_error'] })).toEqual(['replication_error']);
    await client.close();
  });
});
