/** Nothing that is refused goes unseen: wrong keys and other sites' requests are limited, counted and audited; so is a change that can't be read. */
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { adminPassword, type ConsoleFixture, startConsole, type Wire } from '../testing/console-fixture';

let console: ConsoleFixture;
beforeAll(async () => {
  console = await startConsole({ withAdmin: true, rateLimits: { anonymous: { points: 20, seconds: 60 } } });
});
afterAll(() => console.stop());

async function records(query: string): Promise<Wire[]> {
  const { body } = await console.json(`/api/v1/audit?${query}`, { role: 'admin' });
  return body;
}

describe('a change that can’t be read', () => {
  const post = (body: string, headers: Record<string, string>) =>
    console.request('/api/v1/cluster/failover', { role: 'operator', method: 'POST', body, headers });

  it.each([
    ['broken JSON', '{"group": ', 400, 'INVALID_INPUT'],
    ['no object', '[]', 400, 'INVALID_INPUT'],
    ['in another character set', '{}', 415, 'UNSUPPORTED_MEDIA_TYPE', 'application/json; charset=utf-16'],
    ['too large', `{"reason": "${'x'.repeat(1_100_000)}"}`, 413, 'PAYLOAD_TOO_LARGE'],
  ])('%s: is a record like any other refusal', async (what, body, status, code, type = 'application/json') => {
    const id = `unread-${what.replaceAll(' ', '-')}`;
    const response = await post(body, { 'X-Request-Id': id, 'Content-Type': type });
    expect([response.status, ((await response.json()) as Wire).code]).toEqual([status, code]);
    const [found] = await records('procedure=cluster.failover&limit=1');
    expect(found).toMatchObject({ request_id: id, actor: 'api-key:operator', outcome: 'refused', code, input: {} });
  });

  it('of somebody who may not: the role is what is told and kept', async () => {
    const response = await console.request('/api/v1/cluster/failover', {
      role: 'viewer',
      method: 'POST',
      body: '{',
      headers: { 'X-Request-Id': 'unread-viewer' },
    });
    expect(response.status).toBe(403);
    expect((await records('procedure=cluster.failover&limit=1'))[0]).toMatchObject({
      request_id: 'unread-viewer',
      code: 'FORBIDDEN',
    });
  });
});

it('what is not what it seems to be is refused: an encoded body, a key of the prototype, an address with empty parts', async () => {
  const encoded = await console.request('/api/v1/cluster/failover', {
    role: 'operator',
    method: 'POST',
    body: '{"group": "alpha", "dry_run": true}',
    headers: { 'Content-Encoding': 'gzip' },
  });
  expect([encoded.status, ((await encoded.json()) as Wire).code]).toEqual([415, 'UNSUPPORTED_MEDIA_TYPE']);
  for (const [address, status] of [
    ['/api/v1/cluster/nodes?__proto__=1', 400],
    ['/api/v1/cluster/nodes?constructor=1', 400],
    ['/api/v1//cluster/nodes', 404],
    ['/api/v1/cluster//nodes', 404],
  ] as const) {
    expect([address, (await console.request(address)).status]).toEqual([address, status]);
  }
});

it('another site’s request with a person’s cookie is kept, with the person', async () => {
  const signedIn = await console.request('/api/v1/auth/login', {
    method: 'POST',
    role: null,
    body: { username: 'admin', password: adminPassword },
  });
  const cookie = signedIn.headers.get('set-cookie')!.split(';')[0]!;
  const response = await console.request('/api/v1/cluster/failover?secret=1', {
    method: 'POST',
    role: null,
    body: { group: 'alpha' },
    headers: { Cookie: cookie, Origin: 'https://evil.example', 'Sec-Fetch-Site': 'cross-site' },
  });
  expect(response.status).toBe(403);
  expect((await records('procedure=auth.identify&limit=1'))[0]).toMatchObject({
    actor: 'user:admin',
    outcome: 'refused',
    code: 'FORBIDDEN',
    input: { request: 'POST /api/v1/cluster/failover' },
  });
});

it('guessed keys are limited per address, counted, and kept once a second; a right key goes on working', async () => {
  const guess = (n: number, path: string) =>
    console.request(path, { role: null, headers: { 'X-API-Key': `guess-${n}` } });
  const statuses: number[] = [];
  for (let n = 0; n < 30; n++) {
    statuses.push(
      (await guess(n, ['/api/v1/cluster/nodes', '/graphql?query={__typename}', '/api/trpc/cluster.getConfig'][n % 3]!))
        .status,
    );
  }
  expect(statuses.slice(0, 15).every((status) => status === 401)).toBe(true);
  expect(statuses.at(-1)).toBe(429);
  expect((await console.request('/api/v1/cluster/nodes', { role: 'viewer' })).status).toBe(200);
  const kept = await records('procedure=auth.identify&actor=anonymous');
  expect(kept.length).toBeGreaterThan(0);
  expect(kept.length).toBeLessThan(30);
  expect(JSON.stringify(kept)).not.toContain('guess-');
  const { body } = await console.services.gate.metrics.text();
  expect(body).toMatch(
    /request_duration_seconds_count\{procedure="auth\.identify",surface="rest",code="UNAUTHORIZED"\} \d+/,
  );
});
