/** Signing in and out, cookies, keys, throttling, and what happens to sessions when an account changes. */

import { pino } from 'pino';
import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';
import { ClusterError } from '@/engine/kernel/errors';
import { compose } from '../compose';
import {
  adminPassword,
  type ConsoleFixture,
  cheapPasswords,
  startConsole,
  type Wire,
} from '../testing/console-fixture';
import { StoredAccounts } from './accounts';
import { ensureFirstAccounts } from './first-start';
import { PasswordHasher } from './passwords';

let console: ConsoleFixture;
beforeEach(async () => {
  console = await startConsole({ withAdmin: true });
});
afterEach(() => console.stop());

const login = (password = adminPassword, username = 'admin') =>
  console.json('/api/v1/auth/login', { method: 'POST', role: null, body: { username, password } });

async function signIn(password = adminPassword, username = 'admin'): Promise<string> {
  const { status, headers } = await login(password, username);
  expect(status).toBe(200);
  return headers.get('set-cookie')!.split(';')[0]!;
}

const me = (cookie: string) => console.json('/api/v1/auth/me', { role: null, headers: { Cookie: cookie } });

describe('sessions', () => {
  it('are a cookie that scripts and other sites cannot use', async () => {
    const { headers, body } = await login();
    expect(body).toMatchObject({ kind: 'user', name: 'admin', role: 'admin' });
    const cookie = headers.get('set-cookie')!;
    expect(cookie).toMatch(/^rustydb_session_\w+=[\w.-]+; Path=\/; HttpOnly; SameSite=Strict; Max-Age=43200$/);
    expect((await me(cookie.split(';')[0]!)).body).toMatchObject({ name: 'admin', role: 'admin' });
  });

  it('end when the person signs out', async () => {
    const cookie = await signIn();
    const out = await console.json('/api/v1/auth/logout', {
      method: 'POST',
      role: null,
      body: {},
      headers: { Cookie: cookie },
    });
    expect(out.headers.get('set-cookie')).toContain('Max-Age=0');
    expect((await me(cookie)).status).toBe(401);
  });

  it('end when the password, the role or the state of the account changes, but for the one that changed it', async () => {
    const cookie = await signIn();
    const other = await signIn();
    const changed = await console.json('/api/v1/auth/password', {
      method: 'POST',
      role: null,
      body: { current_password: adminPassword, new_password: 'staple battery horse' },
      headers: { Cookie: cookie },
    });
    expect(changed.status).toBe(200);
    expect((await me(other)).status).toBe(401);
    expect((await me(changed.headers.get('set-cookie')!.split(';')[0]!)).status).toBe(200);
    expect((await login()).status).toBe(401);
  });

  it('are not accepted from other sites for changes', async () => {
    const cookie = await signIn();
    const change = (headers: Record<string, string>) =>
      console.json('/api/v1/auth/logout', {
        method: 'POST',
        role: null,
        body: {},
        headers: { Cookie: cookie, ...headers },
      });
    const foreign: Record<string, string>[] = [
      { 'Sec-Fetch-Site': 'cross-site' },
      { 'Sec-Fetch-Site': 'same-site' },
      { Origin: 'http://evil.example' },
    ];
    for (const headers of foreign) {
      expect([(await change(headers)).status, (await change(headers)).body.code]).toEqual([403, 'FORBIDDEN']);
    }
    expect((await change({ Origin: console.url })).status).toBe(200);
  });

  it('go on without a majority, and so does signing in', async () => {
    console.engine.change((view) => ({ raft: { ...view.raft, hasQuorum: false } }));
    expect((await me(await signIn())).status).toBe(200);
    const create = await console.json('/api/v1/users', {
      method: 'POST',
      role: 'admin',
      body: { username: 'maria', password: 'correct horse battery', role: 'viewer' },
    });
    expect([create.status, create.body.details.cluster_code]).toEqual([403, 'CLU_NO_QUORUM']);
  });
});

describe('signing in', () => {
  it('gives no hint which of name and password is wrong', async () => {
    const [wrong, unknown] = [await login('wrong'), await login('wrong', 'nobody')];
    expect(wrong.body.message).toBe(unknown.body.message);
    expect([wrong.status, unknown.status]).toEqual([401, 401]);
  });

  it('is throttled after ten failures, also with the right password', async () => {
    for (let attempt = 0; attempt < 10; attempt++) expect((await login('wrong')).status).toBe(401);
    const { status, headers } = await login();
    expect(status).toBe(429);
    expect(Number(headers.get('retry-after'))).toBeGreaterThan(60);
  });

  it('is throttled as strictly when all attempts come at once', async () => {
    const { accounts } = console.services;
    const verifying = accounts.verify.bind(accounts);
    let refused = 0;
    // No password is found wrong before the fortieth attempt was refused.
    const verify = vi.spyOn(accounts, 'verify').mockImplementation(async (username, password) => {
      await expect.poll(() => refused, { timeout: 20_000 }).toBe(40);
      return verifying(username, password);
    });
    const attempts = Array.from({ length: 50 }, async () => {
      const { status } = await login('wrong');
      if (status === 429) refused++;
      return status;
    });
    const answers = await Promise.all(attempts);
    const told = (status: number) => answers.filter((one) => one === status).length;
    expect([told(401), told(429), verify.mock.calls.length]).toEqual([10, 40, 10]);
  });

  it('does not count who gave the right password, nor what was not looked at', async () => {
    // Past the limit of the class, which is another one.
    const client = { clientAddress: '127.0.0.1', userAgent: null };
    const proved = () => console.services.sessions.signIn({ username: 'admin', password: adminPassword, ...client });
    const user = (await console.services.accounts.user('admin'))!;
    const verify = vi.spyOn(console.services.accounts, 'verify').mockResolvedValue(user);
    for (let attempt = 0; attempt < 51; attempt++) await proved();
    verify.mockRejectedValue(new ClusterError('RATE_LIMITED', '32 passwords wait to be checked'));
    for (let attempt = 0; attempt < 11; attempt++) expect((await login('wrong')).body.message).toContain('wait');
    verify.mockRestore();
    expect((await login('wrong')).status).toBe(401);
  });

  it('leaves no attempt in the audit log without its outcome, throttled or not', async () => {
    for (let attempt = 0; attempt < 14; attempt++) await login('wrong');
    const { body } = await console.json('/api/v1/audit?procedure=auth.login&limit=100', { role: 'admin' });
    expect(body).toHaveLength(14);
    const told = body.filter((line: Wire) => line.outcome === 'refused').map((line: Wire) => line.code);
    expect(told.filter((code: string) => code === 'UNAUTHORIZED')).toHaveLength(10);
    expect(told.filter((code: string) => code === 'RATE_LIMITED')).toHaveLength(4);
  });
});

describe('API keys', () => {
  it('work in both headers, and no longer once revoked', async () => {
    const created = await console.json('/api/v1/api-keys', {
      method: 'POST',
      role: 'admin',
      body: { name: 'report', role: 'viewer' },
    });
    const { id, secret, prefix } = created.body;
    expect(secret.startsWith(prefix)).toBe(true);
    const use = (headers: Record<string, string>) => console.json('/api/v1/auth/me', { role: null, headers });
    expect((await use({ Authorization: `Bearer ${secret}` })).body).toMatchObject({ kind: 'api-key', name: 'report' });
    expect((await use({ 'X-API-Key': secret })).status).toBe(200);
    const listed = await console.json('/api/v1/api-keys', { role: 'admin' });
    expect(JSON.stringify(listed.body)).not.toContain(secret);
    expect((await console.json(`/api/v1/api-keys/${id}`, { method: 'DELETE', role: 'admin' })).body.revoked).toBe(true);
    expect((await use({ 'X-API-Key': secret })).body.code).toBe('UNAUTHORIZED');
  });

  it('are refused on every console within half a second once revoked', async () => {
    const other = await startConsole({ engine: console.engine });
    const now = performance.now.bind(performance);
    try {
      const { accounts } = console.services;
      const { record, secret } = await accounts.createApiKey({
        name: 'a',
        role: 'viewer',
        expiresAt: null,
        by: 'test',
      });
      const use = () => other.json('/api/v1/auth/me', { role: null, headers: { 'X-API-Key': secret } });
      expect((await use()).status).toBe(200);
      await accounts.revokeApiKey(record.id);
      vi.spyOn(performance, 'now').mockImplementation(() => now() + 500);
      expect((await use()).body.message).toBe('The API key is not valid any more: revoked');
    } finally {
      vi.restoreAllMocks();
      await other.stop();
    }
  });

  it('run out', async () => {
    const expiresAt = '2020-01-01T00:00:00Z';
    const { secret } = await console.services.accounts.createApiKey({
      name: 'old',
      role: 'viewer',
      expiresAt,
      by: 'test',
    });
    expect((await console.json('/api/v1/auth/me', { role: null, headers: { 'X-API-Key': secret } })).status).toBe(401);
    const late = await console.json('/api/v1/api-keys', {
      method: 'POST',
      role: 'admin',
      body: { name: 'old', role: 'viewer', expires_at: expiresAt },
    });
    expect(late.body.message).toBe('expires_at: is in the past');
  });

  it('say when and from where they were used last', async () => {
    const { body } = await console.json('/api/v1/api-keys', {
      method: 'POST',
      role: 'admin',
      body: { name: 'a', role: 'viewer' },
    });
    expect(body.last_used_at).toBeNull();
    await console.json('/api/v1/auth/me', { role: null, headers: { 'X-API-Key': body.secret } });
    const find = async (on: ConsoleFixture) =>
      (await on.json('/api/v1/api-keys', { role: 'admin' })).body.find((one: { id: string }) => one.id === body.id);
    expect(await find(console)).toMatchObject({ last_used_at: expect.any(String), last_used_from: '127.0.0.1' });
    await console.upkeep.run();
    const other = await startConsole({ engine: console.engine });
    expect(await find(other)).toMatchObject({ last_used_at: expect.any(String) });
    await other.stop();
  });

  it('are stored hashed, as passwords are', async () => {
    const { entries } = await console.engine.anyNode('store.localList', { prefix: '' });
    const text = JSON.stringify(entries);
    for (const secret of [...Object.values(console.keys), adminPassword]) expect(text).not.toContain(secret);
  });
});

describe('users', () => {
  it('are unique, and the last admin stays', async () => {
    const body = { username: 'admin', password: 'correct horse battery', role: 'viewer' };
    expect((await console.json('/api/v1/users', { method: 'POST', role: 'admin', body })).status).toBe(409);
    const demoted = await console.json('/api/v1/users/admin', {
      method: 'PUT',
      role: 'admin',
      body: { role: 'viewer' },
    });
    expect([demoted.status, demoted.body.details.reasons[0].rule]).toEqual([409, 'one-admin-remains']);
    expect((await console.json('/api/v1/users/admin', { method: 'DELETE', role: 'admin' })).status).toBe(409);
  });

  it('are made once at the first start', async () => {
    const accounts = new StoredAccounts(console.engine, cheapPasswords());
    const first = { engine: console.engine, accounts, adminPassword: 'another password', apiKey: 'k'.repeat(40) };
    const logger = pino({ level: 'silent' });
    await ensureFirstAccounts({ ...first, logger });
    await ensureFirstAccounts({ ...first, logger });
    // The directory was not empty: the admin keeps its password; the key is there once.
    expect((await login()).status).toBe(200);
    const keys = (await accounts.apiKeys()).filter((key) => key.createdBy === 'first start');
    expect(keys).toHaveLength(1);
    expect(keys[0]!.role).toBe('admin');
  });
});

describe('password hashes', () => {
  it('hold for the password and for nothing else', async () => {
    const passwords = new PasswordHasher();
    const hash = await passwords.hash('pässword of length');
    expect(await passwords.verify('pässword of length', hash)).toBe(true);
    expect(await passwords.verify('password of length', hash)).toBe(false);
    expect(await passwords.verify('x', 'plain$text')).toBe(false);
  });

  it('cost what the product promises, in an account and after an invitation, unless a test brings its own hasher', async () => {
    const { accounts, invitations, close } = await compose({
      engine: console.engine,
      dataDirectory: console.dataDirectory,
      sessionSecret: 'a session secret for tests',
      secureCookies: true,
      facts: console.services.facts,
      logger: pino({ level: 'silent' }),
    }).then((one) => ({ ...one, invitations: one.services.invitations }));
    try {
      const made = await accounts.createUser({ username: 'dear', password: adminPassword, role: 'admin', by: 'test' });
      const { token } = await invitations.create({ username: 'guest', role: 'viewer', hours: 1, by: 'dear' });
      const guest = await invitations.accept(token, adminPassword);
      expect([made.passwordHash, guest.passwordHash]).toEqual(
        Array(2).fill(expect.stringMatching(/^scrypt\$32768\$8\$1\$/)),
      );
      expect(await accounts.verify('dear', adminPassword)).toMatchObject({ id: 'dear' });
    } finally {
      await close();
    }
  });

  it('are made by a bounded number at once, and a bounded number waits', async () => {
    const cheap = 'scrypt$2$1$1$c2FsdA$a2V5';
    const passwords = new PasswordHasher();
    const all = await Promise.allSettled(Array.from({ length: 40 }, () => passwords.verify('any', cheap)));
    expect(all.filter((one) => one.status === 'fulfilled')).toHaveLength(34);
    expect(all.at(-1)).toMatchObject({ reason: { code: 'RATE_LIMITED', details: { extra: { retry_after: 5 } } } });
  });
});
