/** REST over a real HTTP server: statuses, headers, pages, caching, strictness. */
import { get, request as httpRequest, type IncomingHttpHeaders } from 'node:http';
import { gunzipSync } from 'node:zlib';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { type ConsoleFixture, startConsole } from '../../testing/console-fixture';
import { largeView } from '../../testing/recorded-view';

let console: ConsoleFixture;
beforeEach(async () => {
  console = await startConsole();
});
afterEach(() => console.stop());

const failover = '/api/v1/cluster/failover';

const crowded = {
  kind: 'no-new-sessions',
  since: '2026-01-01T00:00:00.000Z',
  error: 'sorry, too many clients already',
  sqlState: '53300',
  strangers: 190,
  lockHolders: [],
} as const;

describe('errors', () => {
  it('have exactly the five keys, and the request id of the header', async () => {
    const { status, body, headers } = await console.json('/api/v1/cluster/nodes/node-77');
    expect(status).toBe(404);
    expect(Object.keys(body).sort()).toEqual(['code', 'details', 'message', 'request_id', 'timestamp']);
    expect(body).toMatchObject({ code: 'NOT_FOUND', details: { cluster_code: 'CLU_NODE_NOT_FOUND' } });
    expect(body.request_id).toBe(headers.get('x-request-id'));
    expect(Math.abs(body.timestamp - Date.now() / 1000)).toBeLessThan(5);
  });

  it('carry the id that the caller sent', async () => {
    const { body } = await console.json('/api/v1/nope', { headers: { 'X-Request-Id': 'run-17' } });
    expect(body.request_id).toBe('run-17');
  });

  it('name the field of a wrong type, an unknown key and malformed JSON', async () => {
    const put = (body: unknown) => console.json('/api/v1/cluster/config', { method: 'PUT', role: 'operator', body });
    const wrong = await put({ heartbeat_interval_ms: 'soon' });
    expect([wrong.status, wrong.body.code]).toEqual([400, 'INVALID_INPUT']);
    expect(wrong.body.message).toContain('heartbeat_interval_ms');
    expect((await put({ colour: 'red' })).body.message).toBe('Unknown configuration key: colour');
    expect((await put('{"a":')).body).toMatchObject({ code: 'INVALID_INPUT', message: 'The body is not valid JSON' });
    expect((await put('[1]')).body.message).toBe('The body must be a JSON object');
  });

  it('do not leak what went wrong inside', async () => {
    console.engine.current = () => {
      throw new TypeError('secret detail of the inside');
    };
    const { status, body } = await console.json('/api/v1/cluster/members');
    expect([status, body.code]).toEqual([500, 'INTERNAL']);
    expect(JSON.stringify(body)).not.toContain('secret detail');
  });

  it('say which methods an address takes', async () => {
    const { status, body, headers } = await console.json('/api/v1/cluster/nodes/node-1', { method: 'POST', body: {} });
    expect([status, body.code, headers.get('allow')]).toEqual([405, 'METHOD_NOT_ALLOWED', 'DELETE, GET, HEAD, PUT']);
  });

  it('refuse other media types and large bodies', async () => {
    const type = await console.json(failover, {
      method: 'POST',
      role: 'operator',
      body: 'group=alpha',
      headers: { 'Content-Type': 'application/x-www-form-urlencoded' },
    });
    expect([type.status, type.body.code]).toEqual([415, 'UNSUPPORTED_MEDIA_TYPE']);
    const large = await console.json(failover, {
      method: 'POST',
      role: 'operator',
      body: JSON.stringify({ reason: 'x'.repeat(1_100_000) }),
    });
    expect([large.status, large.body.code]).toEqual([413, 'PAYLOAD_TOO_LARGE']);
  });

  it('refuse a body that differs from the path', async () => {
    const { body } = await console.json('/api/v1/cluster/nodes/node-2/stop', {
      method: 'POST',
      role: 'operator',
      body: { id: 'node-3' },
    });
    expect(body.code).toBe('INVALID_INPUT');
    expect(console.engine.requests.filter((one) => one.method === 'operation.start')).toEqual([]);
  });
});

describe('reads', () => {
  it('page through a list by the Link header, each node once', async () => {
    const seen: string[] = [];
    let address: string | null = '/api/v1/cluster/nodes?limit=2&sort=-name';
    while (address) {
      const { body, headers }: Awaited<ReturnType<ConsoleFixture['json']>> = await console.json(address);
      seen.push(...body.map((node: { id: string }) => node.id));
      address = /<([^>]+)>; rel="next"/.exec(headers.get('link') ?? '')?.[1] ?? null;
    }
    expect(seen).toEqual(['node-5', 'node-4', 'node-3', 'node-2', 'node-1']);
  });

  it('filter, also by the synonyms of a role', async () => {
    const { body } = await console.json('/api/v1/cluster/nodes?role=leader&group=beta');
    expect(body.map((node: { id: string; cluster_role: string }) => [node.id, node.cluster_role])).toEqual([
      ['node-4', 'leader'],
    ]);
  });

  it('answer 304 until the view changes', async () => {
    const first = await console.request('/api/v1/cluster/topology');
    const etag = first.headers.get('etag')!;
    await first.text();
    const again = await console.request('/api/v1/cluster/topology', { headers: { 'If-None-Match': etag } });
    expect(again.status).toBe(304);
    console.engine.change((view) => ({ sentence: `${view.sentence}!` }));
    const changed = await console.json('/api/v1/cluster/topology', { headers: { 'If-None-Match': etag } });
    expect([changed.status, changed.body.sentence]).toEqual([200, 'Healthy!']);
    expect(changed.headers.get('etag')).not.toBe(etag);
  });

  it('are compressed for who takes it, the same content under a weak tag', async () => {
    console.engine.view = largeView(60);
    const raw = (headers: Record<string, string>) =>
      new Promise<{ headers: IncomingHttpHeaders; body: Buffer; status: number }>((resolve, reject) => {
        const address = `${console.url}/api/v1/cluster/topology`;
        get(address, { headers: { 'X-API-Key': console.keys.viewer, ...headers } }, (response) => {
          const parts: Buffer[] = [];
          response.on('data', (part: Buffer) => parts.push(part));
          response.on('end', () =>
            resolve({ headers: response.headers, body: Buffer.concat(parts), status: response.statusCode ?? 0 }),
          );
        }).on('error', reject);
      });
    const plain = await raw({});
    const gzipped = await raw({ 'Accept-Encoding': 'br;q=0.5, gzip' });
    expect(plain.headers['content-encoding']).toBeUndefined();
    expect(gzipped.headers).toMatchObject({ 'content-encoding': 'gzip', etag: `W/${plain.headers.etag}` });
    expect(gzipped.headers.vary).toContain('Accept-Encoding');
    expect(gunzipSync(gzipped.body).equals(plain.body)).toBe(true);
    expect(gzipped.body.length).toBeLessThan(plain.body.length / 4);
    expect((await raw({ 'If-None-Match': gzipped.headers.etag as string })).status).toBe(304);
    expect((await raw({ 'Accept-Encoding': 'gzip;q=0' })).headers['content-encoding']).toBeUndefined();
  });

  it('answer HEAD like GET, without a body', async () => {
    const response = await console.request('/api/v1/cluster/config', { method: 'HEAD' });
    expect(response.status).toBe(200);
    expect(Number(response.headers.get('content-length'))).toBeGreaterThan(100);
    expect(await response.text()).toBe('');
  });

  it('go on from the local view without a majority', async () => {
    console.engine.change((view) => ({ raft: { ...view.raft, hasQuorum: false, leader: null } }));
    console.engine.live = false;
    const { status, body } = await console.json('/api/v1/cluster/topology');
    expect([status, body.has_quorum, body.live]).toEqual([200, false, false]);
    expect((await console.json('/api/v1/operations')).body).toEqual([]);
  });
});

describe('mutations', () => {
  const post = (body: unknown, headers: Record<string, string> = {}) =>
    console.json(failover, { method: 'POST', role: 'operator', body, headers });

  it('plan with 200 and journal with 202', async () => {
    const plan = await post({ group: 'alpha', dry_run: true });
    expect([plan.status, plan.body.state]).toEqual([200, 'planned']);
    expect(plan.body.steps[0]).not.toHaveProperty('result');
    const run = await post({ group: 'alpha', plan_hash: plan.body.plan_hash, reason: 'patch day' });
    expect([run.status, run.body.state]).toEqual([202, 'pending']);
    expect(run.headers.get('location')).toBe(`/api/v1/operations/${run.body.id}`);
    const start = console.engine.requests.find((one) => one.method === 'operation.start');
    expect(start?.params).toMatchObject({
      planHash: plan.body.plan_hash,
      requester: { by: 'api-key:operator', reason: 'patch day', admin: false },
    });
  });

  it('refuse a plan that changed and a stale guard with 412', async () => {
    const changed = await post({ group: 'alpha', plan_hash: 'old' });
    expect([changed.status, changed.body.details.cluster_code]).toEqual([412, 'CLU_PLAN_CHANGED']);
    // The new plan in the form of a dry run, so that a script goes on with it.
    const planned = await post({ group: 'alpha', dry_run: true });
    expect(Object.keys(changed.body.details.plan)).toEqual(Object.keys(planned.body));
    expect(changed.body.details.plan.plan_hash).toBe(planned.body.plan_hash);
    const stale = await post({ group: 'alpha', expected_epoch: 9 });
    expect([stale.status, stale.body.code]).toEqual([412, 'PRECONDITION_FAILED']);
    expect(stale.body.details).toMatchObject({ cluster_code: 'CLU_GUARD_MISMATCH', epoch: 1, primary: 'node-1' });
  });

  it('refuse a node at an address where nobody would start it', async () => {
    const add = (address: string) =>
      console.json('/api/v1/cluster/nodes', {
        method: 'POST',
        role: 'operator',
        body: { node_id: 'node-9', address, dry_run: true },
      });
    const [host] = console.engine.view.nodes.map((node) => node.record.host);
    for (const here of [host!, `${host}:5432`]) expect((await add(here)).status).toBe(200);
    for (const elsewhere of ['10.9.9.9', `${host}:port`, '::2']) {
      const { status, body } = await add(elsewhere);
      expect([status, body.code]).toEqual([400, 'INVALID_INPUT']);
      expect(body.details.reasons).toMatchObject([{ rule: 'address-has-agents', measured: elsewhere }]);
    }
  });

  it('are refused with 403 CLU_NO_QUORUM without a majority', async () => {
    console.engine.change((view) => ({ raft: { ...view.raft, hasQuorum: false } }));
    const { status, body } = await post({ group: 'alpha' });
    expect([status, body.code, body.details.cluster_code]).toEqual([403, 'FORBIDDEN', 'CLU_NO_QUORUM']);
    const preflight = { method: 'POST', role: 'operator', body: { group: 'alpha' } } as const;
    const refused = await console.json('/api/v1/cluster/failover/preflight', preflight);
    expect([refused.status, refused.body.details.cluster_code]).toEqual([403, 'CLU_NO_QUORUM']);
  });

  it('wait in their older shape until the operation succeeded', async () => {
    const removal = console.json('/api/v1/cluster/nodes/node-3', { method: 'DELETE', role: 'operator' });
    const unsubscribe = console.engine.onView(() => {
      unsubscribe();
      const [started] = console.engine.view.operations;
      queueMicrotask(() => console.engine.finish(started!.id, { state: 'succeeded' }));
    });
    const { status, body } = await removal;
    expect([status, body]).toEqual([204, null]);
  });

  it('tell the error of the operation in their older shape', async () => {
    const removal = console.json('/api/v1/cluster/nodes/node-3', { method: 'DELETE', role: 'operator' });
    const unsubscribe = console.engine.onView(() => {
      unsubscribe();
      const [started] = console.engine.view.operations;
      const error = { code: 'CONFLICT', message: 'it would break the majority', reasons: [] };
      queueMicrotask(() => console.engine.finish(started!.id, { state: 'failed', error }));
    });
    const { status, body } = await removal;
    expect([status, body.code, body.message]).toEqual([409, 'CONFLICT', 'it would break the majority']);
  });

  it('refuse to remove a primary', async () => {
    const { status, body } = await console.json('/api/v1/cluster/nodes/node-1', { method: 'DELETE', role: 'operator' });
    expect([status, body.code]).toEqual([403, 'FORBIDDEN']);
    expect(body.details.reasons[0]).toMatchObject({ rule: 'node-is-not-primary', node: 'node-1' });
  });

  it('name a standby that is not fit', async () => {
    const body = { mode: 'sync', standby_nodes: ['node-5:5505'], group: 'alpha' };
    const answer = await console.json('/api/v1/replication/configure', { method: 'POST', role: 'operator', body });
    expect(answer.status).toBe(400);
    expect(answer.body.message).toContain('node-5');
  });

  it('need a standby named for the modes that wait for one, and none for the asynchronous mode', async () => {
    const configure = (body: object) =>
      console.json('/api/v1/replication/configure', { method: 'POST', role: 'operator', body });
    const refused = await configure({ mode: 'sync', group: 'alpha', dry_run: true });
    expect([refused.status, refused.body.code]).toEqual([400, 'INVALID_INPUT']);
    expect(refused.body.message).toContain('standby_nodes');
    const planned = await configure({ mode: 'async', group: 'alpha', dry_run: true });
    expect([planned.status, planned.body.state]).toEqual([200, 'planned']);
  });

  it('map the configuration in both directions', async () => {
    const body = { heartbeat_interval_ms: 200, sync_replication: false };
    const { status, body: config } = await console.json('/api/v1/cluster/config', {
      method: 'PUT',
      role: 'operator',
      body,
    });
    expect(status).toBe(200);
    expect(config).toMatchObject({ heartbeat_interval_ms: 200, sync_replication: false, cluster_name: 'orders' });
    expect(config.adjusted).toEqual(['election_timeout_ms']);
  });

  it('give the same answer for the same key, and 409 for another body', async () => {
    const create = (name: string) =>
      console.json('/api/v1/api-keys', {
        method: 'POST',
        role: 'admin',
        body: { name, role: 'viewer' },
        headers: { 'Idempotency-Key': 'one' },
      });
    expect((await create('a')).status).toBe(201);
    const other = await create('b');
    expect([other.status, other.body.code]).toEqual([409, 'CONFLICT']);
  });
});

describe('limits and headers', () => {
  it('answer 429 with when to come back', async () => {
    const limited = await startConsole({ rateLimits: { read: { points: 2, seconds: 60 } } });
    try {
      await limited.json('/api/v1/cluster/config');
      await limited.json('/api/v1/cluster/config');
      const { status, body, headers } = await limited.json('/api/v1/cluster/config');
      expect([status, body.code]).toEqual([429, 'RATE_LIMITED']);
      expect(Number(headers.get('retry-after'))).toBeGreaterThan(0);
      expect(headers.get('x-ratelimit-limit')).toBe('2');
      expect(headers.get('x-ratelimit-remaining')).toBe('0');
      expect(Number(headers.get('x-ratelimit-reset'))).toBeGreaterThan(Date.now() / 1000);
    } finally {
      await limited.stop();
    }
  });

  it('carry security headers on every answer', async () => {
    for (const address of ['/healthz', '/api/v1/nope', '/api/docs']) {
      const response = await console.request(address);
      await response.text();
      expect(response.headers.get('x-content-type-options')).toBe('nosniff');
      expect(response.headers.get('x-frame-options')).toBe('DENY');
    }
    const docs = await console.request('/api/docs');
    expect(docs.headers.get('content-type')).toBe('text/html; charset=utf-8');
    expect(docs.headers.get('content-security-policy')).toContain("script-src 'self';");
    expect(await (await console.request('/api/docs/swagger-ui-bundle.js')).text()).toContain('SwaggerUIBundle');
  });

  it('are not ready while a group has no writable primary or its commits wait', async () => {
    expect((await console.json('/readyz', { role: null })).status).toBe(200);
    console.engine.change((view) => ({
      groups: view.groups.map((group) => ({ ...group, writable: group.record.name !== 'beta' })),
    }));
    const { status, body } = await console.json('/readyz', { role: null });
    expect([status, body.reasons]).toEqual([503, ['beta has no writable primary']]);
  });

  it('are not ready while a primary lets nobody in, and say what to do about it', async () => {
    console.engine.change((view) => ({
      groups: view.groups.map((group) => ({ ...group, writable: true, degraded: false })),
      nodes: view.nodes.map((node) =>
        node.record.id === view.groups[0]!.record.primary && node.report
          ? { ...node, report: { ...node.report, postgres: { ...node.report.postgres, serviceTrouble: crowded } } }
          : node,
      ),
    }));
    const { status, body } = await console.json('/readyz', { role: null });
    expect(status).toBe(503);
    expect(body.reasons).toEqual([
      expect.stringMatching(/lets nobody in \(sorry, too many clients already\): 190 connections/),
    ]);
    expect(body.groups[0]).toMatchObject({ writable: true, serving: false });
    console.engine.change((view) => ({
      nodes: view.nodes.map((node) =>
        node.report
          ? { ...node, report: { ...node.report, postgres: { ...node.report.postgres, serviceTrouble: null } } }
          : node,
      ),
    }));
    expect((await console.json('/readyz', { role: null })).status).toBe(200);
  });

  it('are ready while a group is writable but not protected, and say so', async () => {
    console.engine.change((view) => ({
      groups: view.groups.map((group) => ({ ...group, writable: true, degraded: group.record.name === 'beta' })),
    }));
    const { status, body } = await console.json('/readyz', { role: null });
    expect([status, body.ready]).toEqual([200, true]);
    expect(body.warnings).toEqual([expect.stringMatching(/^beta is writable but not protected/)]);
    expect(body.groups.find((one: { name: string }) => one.name === 'beta').protected).toBe(false);
  });

  it('are ready without a majority while every group writes, and warn', async () => {
    console.engine.change((view) => ({ raft: { ...view.raft, leader: null, hasQuorum: false } }));
    const { status, body } = await console.json('/readyz', { role: null });
    expect([status, body.ready]).toEqual([200, true]);
    expect(body.warnings[0]).toContain('no majority');
  });

  it('say how rehearsal is switched on', async () => {
    const off = await startConsole({ rehearsalEnabled: false });
    const body = { node: 'node-3', faults: [] };
    const refused = await off.json('/api/v1/cluster/faults', { method: 'PUT', role: 'admin', body });
    expect(refused.status).toBe(403);
    expect(refused.body.details.reasons[0].remedy).toContain('RUSTYDB_REHEARSAL=1');
    await off.stop();
  });

  it('tell metrics to those with a key', async () => {
    expect((await console.request('/metrics', { role: null })).status).toBe(401);
    await console.json('/api/v1/cluster/config');
    const text = await (await console.request('/metrics')).text();
    expect(text).toContain(
      'rustydb_api_request_duration_seconds_count{procedure="cluster.getConfig",surface="rest",code="OK"} 1',
    );
    expect(text).toContain('rustydb_group_writable{group="alpha"} 1');
    expect(text).toContain('rustydb_node_lag_bytes{node="node-2",group="alpha"} 1000');
  });

  it('survive a request that stops in the middle of its body', async () => {
    await new Promise<void>((resolve) => {
      const call = httpRequest(`${console.url}${failover}`, {
        method: 'POST',
        headers: { 'X-API-Key': console.keys.operator, 'Content-Type': 'application/json', 'Content-Length': '500' },
      });
      call.on('error', () => resolve());
      call.write('{"group":', () => call.destroy(new Error('gone')));
    });
    expect((await console.json('/healthz')).status).toBe(200);
  });
});
