/** A key that is limited to group beta, against every procedure of the registry: it sees nothing of alpha and changes nothing of it. */
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { WebSocket } from 'ws';
import type { Identity } from '@/server/auth/api';
import type { AnyDefinition } from '@/server/procedures/definition';
import { allProcedures } from '@/server/procedures/registry';
import { type ConsoleFixture, startConsole, type Wire } from '../testing/console-fixture';
import { contextOf } from './calls';
import { subscribe } from './invoke';

const others = /alpha|node-[123]\b/;
const plenty = { points: 100_000, seconds: 1 };
/** About the caller alone. */
const personal = new Set(['auth.login', 'auth.logout', 'auth.me', 'sessions.listOwn', 'auth.reauthenticate']);

let console: ConsoleFixture;
let secret: string;
beforeAll(async () => {
  console = await startConsole({ rateLimits: { read: plenty, node: plenty, write: plenty, login: plenty } });
  const body = { name: 'beta only', role: 'admin', groups: ['beta'] };
  const created = await console.json('/api/v1/api-keys', { method: 'POST', role: 'admin', body });
  expect(created.body.groups).toEqual(['beta']);
  secret = created.body.secret;
  await console.json('/api/v1/cluster/failover', { method: 'POST', role: 'admin', body: { group: 'alpha' } });
  await console.json('/api/v1/cluster/failover', { method: 'POST', role: 'admin', body: { group: 'beta' } });
});
afterAll(() => console.stop());

const call = (address: string, options: { method?: string; body?: unknown } = {}) =>
  console.json(`/api/v1${address}`, { role: null, headers: { 'X-API-Key': secret }, ...options });

function run(definition: AnyDefinition, input: Record<string, unknown>) {
  const rest = { ...input };
  const path = definition.rest!.path.replaceAll(/\{(\w+)\}/g, (_whole, key: string) => {
    const value = String(rest[key]);
    delete rest[key];
    return value;
  });
  const { method } = definition.rest!;
  if (method !== 'GET') return call(path, { method, body: rest });
  const search = new URLSearchParams(Object.entries(rest).map(([key, value]) => [key, String(value)]));
  return call(`${path}?${search}`);
}

const ofKind = (kind: string) =>
  allProcedures.filter((one) => one.kind === kind).map((one) => [one.name, one] as const);

/** Names that an input can hold, as this cluster has them in the other group. */
const outside: Readonly<Record<string, unknown>> = {
  group: 'alpha',
  node: 'node-2',
  target_node: 'node-2',
  source_node: 'node-1',
  groups: ['alpha'],
};

describe.each(ofKind('query'))('%s', (_name, definition) => {
  it('shows nothing of another group', async () => {
    const { status, body } = await run(definition, definition.example as Record<string, unknown>);
    if (status < 400) expect(JSON.stringify(body)).not.toMatch(others);
    else expect(['NOT_FOUND', 'FORBIDDEN']).toContain(body.code);
  });

  const shape = Object.keys((definition.input as Wire).shape ?? {}).filter((key) => key in outside);
  it.each(shape)('is refused or empty when %s names another group', async (key) => {
    const input = { ...(definition.example as Record<string, unknown>), [key]: outside[key] };
    const { status, body } = await run(definition, input);
    if (status >= 400) expect(['NOT_FOUND', 'FORBIDDEN']).toContain(body.code);
    else expect(JSON.stringify(body)).not.toMatch(others);
  });
});

describe.each(ofKind('mutation').filter(([name]) => !personal.has(name)))('%s', (_name, definition) => {
  it('changes nothing of another group, nor of the whole cluster', async () => {
    const example = definition.example as Record<string, unknown>;
    const keys = Object.keys((definition.input as Wire).shape ?? {});
    const fill = Object.fromEntries(
      keys.filter((key) => key in outside && key in example).map((key) => [key, outside[key]]),
    );
    const before = console.engine.requests.length;
    const { status, body } = await run(definition, {
      ...example,
      ...fill,
      ...('id' in example && /node/.test(String(example.id)) ? { id: 'node-2' } : {}),
    });
    expect(status, JSON.stringify(body)).toBeGreaterThanOrEqual(400);
    expect(['NOT_FOUND', 'FORBIDDEN']).toContain(body.code);
    const reached = console.engine.requests.slice(before).map((one) => one.method);
    expect(
      reached.filter(
        (method) => !/^(store\.localList|store\.get|operation\.get|runtime\.get|router\.get)$/.test(method),
      ),
    ).toEqual([]);
  });
});

describe.each(ofKind('subscription'))('%s', (_name, definition) => {
  it('tells nothing of another group', async () => {
    const identity: Identity = { kind: 'api-key', id: 'x', name: 'x', role: 'admin', groups: ['beta'] };
    const gone = new AbortController();
    const context = contextOf(console.services, identity, {
      surface: 'sse',
      requestId: 'r',
      clientAddress: '127.0.0.1',
      idempotencyKey: null,
      signal: gone.signal,
      setCookie: null,
    });
    const items: unknown[] = [];
    const reading = (async () => {
      for await (const item of await subscribe(definition, definition.example, context, gone.signal)) items.push(item);
    })().catch((error: unknown) => expect(error).toMatchObject({ code: expect.stringMatching(/NOT_FOUND|FORBIDDEN/) }));
    for (const node of ['node-2', 'node-5']) {
      console.engine.emit({
        payload: { node_id: node, group: node === 'node-2' ? 'alpha' : 'beta' },
        source: `node:${node}`,
      });
      console.engine.emit({ payload: { replica_id: node }, source: `replica:${node}`, category: 'replication' });
    }
    console.engine.emit({
      source: 'cluster:raft',
      eventType: 'leader_elected',
      payload: { leader: 'node-1', term: 9 },
    });
    console.engine.change((view) => ({ sentence: `${view.sentence} node-1.` }));
    for (let turn = 0; turn < 20; turn++) await new Promise((resolve) => setImmediate(resolve));
    gone.abort();
    await reading;
    expect(JSON.stringify(items)).not.toMatch(others);
  });
});

it('works within its group', async () => {
  const nodes = await call('/cluster/nodes');
  expect(nodes.body.map((one: Wire) => one.id)).toEqual(['node-4', 'node-5']);
  expect((await call('/cluster/nodes/node-5')).status).toBe(200);
  const plan = { group: 'beta', mode: 'switchover', dry_run: true };
  expect((await call('/cluster/failover', { method: 'POST', body: plan })).body).toMatchObject({ group: 'beta' });
  const { body: operations } = await call('/operations');
  expect(operations.map((one: Wire) => one.group)).toEqual(['beta']);
  const [alphas] = console.engine.view.operations.filter((one) => one.group === 'alpha');
  expect((await call(`/operations/${alphas!.id}`)).status).toBe(404);
  expect((await call(`/operations/${alphas!.id}/cancel`, { method: 'POST', body: {} })).status).toBe(404);
  expect((await call(`/operations/${operations[0].id}/cancel`, { method: 'POST', body: {} })).status).toBe(200);
});

it('is not answered from what another caller was shown', async () => {
  await console.json('/api/v1/cluster/topology', { role: 'admin' });
  const { body, headers } = await call('/cluster/topology');
  expect(JSON.stringify(body)).not.toMatch(others);
  const stale = { 'If-None-Match': headers.get('etag')! };
  expect((await console.json('/api/v1/cluster/topology', { role: 'admin', headers: stale })).status).toBe(200);
  expect((await console.json('/metrics', { role: null, headers: { 'X-API-Key': secret } })).status).toBe(403);
});

it('hears only of its group on a WebSocket', async () => {
  const socket = new WebSocket(`${console.url.replace('http', 'ws')}/api/v1/ws/cluster/nodes`, {
    headers: { 'X-API-Key': secret },
  });
  const heard: string[] = [];
  const last = new Promise<void>((resolve) => {
    socket.on('message', (data) => {
      heard.push(String(data));
      if (heard.length === 1) {
        console.engine.emit({ source: 'node:node-2', payload: { node_id: 'node-2' } });
        console.engine.emit({ source: 'node:node-5', payload: { node_id: 'node-5', last: true } });
      }
      if (String(data).includes('"last"')) resolve();
    });
  });
  await last;
  socket.close();
  expect(heard.join()).not.toMatch(others);
});
