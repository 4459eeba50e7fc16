/** Sessions as records: who sees them, who ends them, that an end holds on every console, at once on open sockets, and without a majority. */
import { readFileSync } from 'node:fs';
import path from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { WebSocket } from 'ws';
import { adminPassword, type ConsoleFixture, startConsole } from '../testing/console-fixture';

let console: ConsoleFixture;
beforeEach(async () => {
  console = await startConsole({ withAdmin: true });
});
afterEach(() => console.stop());

async function signIn(on: ConsoleFixture = console, username = 'admin', password = adminPassword): Promise<string> {
  const { status, headers } = await on.json('/api/v1/auth/login', {
    method: 'POST',
    role: null,
    body: { username, password },
    headers: { 'User-Agent': `browser of ${username}` },
  });
  expect(status).toBe(200);
  return headers.get('set-cookie')!.split(';')[0]!;
}

const as = (cookie: string, address: string, options: { method?: string; body?: unknown } = {}, on = console) =>
  on.json(address, { role: null, headers: { Cookie: cookie, 'X-RustyDB-Console': '1' }, ...options });

async function createMaria(): Promise<void> {
  const body = { username: 'maria', password: 'a long enough password', role: 'viewer' };
  await console.json('/api/v1/users', { method: 'POST', role: 'admin', body });
}
const signInMaria = () => signIn(console, 'maria', 'a long enough password');

it('shows people their own sessions and admins everybody’s, with device, address and last use', async () => {
  await createMaria();
  const maria = await signInMaria();
  const admin = await signIn();
  const own = await as(maria, '/api/v1/auth/sessions');
  expect(own.body).toMatchObject([
    { user_id: 'maria', device: 'browser of maria', client_address: '127.0.0.1', current: true },
  ]);
  expect((await as(maria, '/api/v1/sessions')).status).toBe(403);
  const all = await as(admin, '/api/v1/sessions');
  expect(all.body.map((one: { user_id: string }) => one.user_id).sort()).toEqual(['admin', 'maria']);
  const marias = await as(admin, '/api/v1/sessions?user_id=maria');
  expect(marias.body).toMatchObject([{ id: own.body[0].id, current: false }]);
  expect(marias.body[0].last_used_at >= marias.body[0].created_at).toBe(true);
});

describe('a revoked session', () => {
  it('is refused on every console, and its sockets are closed', async () => {
    const other = await startConsole({ engine: console.engine });
    try {
      // Both have the same session secret, as consoles of one cluster do.
      const cookie = await signIn();
      expect((await as(cookie, '/api/v1/auth/me', {}, other)).status).toBe(200);
      const socket = new WebSocket(`${other.url.replace('http', 'ws')}/api/v1/ws/cluster/nodes`, {
        headers: { Cookie: cookie, Origin: other.url },
      });
      await new Promise((resolve) => socket.once('message', resolve));
      const closed = new Promise<number>((resolve) => socket.once('close', resolve));
      const [session] = (await as(cookie, '/api/v1/auth/sessions')).body;
      const revoked = await console.json(`/api/v1/sessions/${session.id}`, { method: 'DELETE', role: 'admin' });
      expect(revoked.body).toMatchObject({ success: true });
      expect((await as(cookie, '/api/v1/auth/me')).status).toBe(401);
      expect(await closed).toBe(4401);
      expect((await as(cookie, '/api/v1/auth/me', {}, other)).status).toBe(401);
      expect((await console.json('/api/v1/sessions', { role: 'admin' })).body).toEqual([]);
    } finally {
      await other.stop();
    }
  });

  it('is one’s own unless an admin revokes it', async () => {
    await createMaria();
    const [maria, admin] = [await signInMaria(), await signIn()];
    const [ofAdmin] = (await as(admin, '/api/v1/auth/sessions')).body;
    expect((await as(maria, `/api/v1/sessions/${ofAdmin.id}`, { method: 'DELETE' })).status).toBe(404);
    const [ofMaria] = (await as(maria, '/api/v1/auth/sessions')).body;
    expect((await as(maria, `/api/v1/sessions/${ofMaria.id}`, { method: 'DELETE' })).status).toBe(200);
    expect((await as(maria, '/api/v1/auth/me')).status).toBe(401);
    expect((await as(admin, '/api/v1/auth/me')).status).toBe(200);
  });
});

it('ends all others, or all of somebody for an admin', async () => {
  await createMaria();
  const [first, second, maria] = [await signIn(), await signIn(), await signInMaria()];
  const others = await as(first, '/api/v1/sessions/revoke-all', { method: 'POST', body: {} });
  expect(others.body.message).toBe('1 other session ended');
  expect([(await as(first, '/api/v1/auth/me')).status, (await as(second, '/api/v1/auth/me')).status]).toEqual([
    200, 401,
  ]);
  const denied = await as(maria, '/api/v1/sessions/revoke-all', { method: 'POST', body: { user_id: 'admin' } });
  expect(denied.status).toBe(403);
  await as(first, '/api/v1/sessions/revoke-all', { method: 'POST', body: { user_id: 'maria' } });
  expect((await as(maria, '/api/v1/auth/me')).status).toBe(401);
});

it('does not come back to life with an account of the same name', async () => {
  await createMaria();
  const maria = await signInMaria();
  await console.json('/api/v1/users/maria', { method: 'DELETE', role: 'admin' });
  await createMaria();
  expect((await as(maria, '/api/v1/auth/me')).status).toBe(401);
  expect((await console.json('/api/v1/sessions?user_id=maria', { role: 'admin' })).body).toEqual([]);
});

it('keeps what happens without a majority, over a restart, until the store takes it', async () => {
  const before = await signIn();
  console.engine.change((view) => ({ raft: { ...view.raft, hasQuorum: false } }));
  const during = await signIn();
  await as(before, '/api/v1/auth/logout', { method: 'POST', body: {} });
  expect([(await as(before, '/api/v1/auth/me')).status, (await as(during, '/api/v1/auth/me')).status]).toEqual([
    401, 200,
  ]);
  const backlog = path.join(console.dataDirectory, 'session-backlog.json');
  expect(JSON.parse(readFileSync(backlog, 'utf8'))).toMatchObject({
    ended: [[expect.any(String), expect.any(Number)]],
  });
  console.engine.change((view) => ({ raft: { ...view.raft, hasQuorum: true } }));
  await console.upkeep.run();
  expect(JSON.parse(readFileSync(backlog, 'utf8'))).toEqual({ ended: [], begun: [] });
  const other = await startConsole({ engine: console.engine });
  try {
    expect((await as(before, '/api/v1/auth/me', {}, other)).status).toBe(401);
    expect((await as(during, '/api/v1/auth/sessions', {}, other)).body).toHaveLength(1);
  } finally {
    await other.stop();
  }
});

it('writes last uses in one transaction and forgets those of sessions that are gone', async () => {
  const cookie = await signIn();
  await as(cookie, '/api/v1/auth/me');
  console.engine.requests.length = 0;
  await console.upkeep.run();
  const stored = () => console.engine.anyNode('store.localList', { prefix: 'last-used/' });
  const writes = console.engine.requests.filter((one) => one.method === 'store.txn');
  expect(writes).toHaveLength(1);
  const kept = (await stored()).entries.map((one) => one.key.split('/')[1]);
  expect(kept).toContain('session');
  await as(cookie, '/api/v1/auth/logout', { method: 'POST', body: {} });
  await console.upkeep.run();
  await console.upkeep.run();
  expect((await stored()).entries.map((one) => one.key.split('/')[1])).not.toContain('session');
});
