/** What a key is worth: never more than the person behind it, also through keys that made keys, and for keys stored before persons were. */
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { WebSocket } from 'ws';
import { keys } from '@/engine/cluster/model';
import type { Json } from '@/engine/control/store';
import { adminPassword, type ConsoleFixture, startConsole, type Wire } from '../testing/console-fixture';
import { newUser } from './accounts';
import type { ApiKeyRecord, UserRecord } from './api';
import { standingOf } from './key-standing';

const at = (second: number) => new Date(second * 1000).toISOString();
const user = (id: string, more: Partial<UserRecord> = {}): UserRecord => ({
  ...newUser({ username: id, role: 'admin', by: 'test', passwordHash: null }),
  createdAt: at(100),
  ...more,
});
const key = (id: string, createdBy: string, more: Partial<ApiKeyRecord> = {}): ApiKeyRecord => ({
  id,
  name: id,
  prefix: 'rdb_',
  role: 'admin',
  secretHash: id,
  createdAt: at(200),
  createdBy,
  expiresAt: null,
  revoked: false,
  ...more,
});
const of = (one: ApiKeyRecord, all: readonly ApiKeyRecord[] = [], users: readonly UserRecord[] = [user('alice')]) =>
  standingOf(one, [one, ...all], users, 1_000_000);

describe('a key stored before it carried its person', () => {
  it('is followed to the person through the keys that made it', () => {
    const [ka, kb] = [key('ka', 'user:alice'), key('kb', 'api-key:ka')];
    expect(of(key('kc', 'api-key:kb'), [ka, kb])).toMatchObject({
      person: { user: 'alice' },
      role: 'admin',
      ended: null,
    });
  });

  it('has no person where several keys of the name could have made it, and does not run in circles', () => {
    const [one, two] = [key('1', 'user:alice', { name: 'ci' }), key('2', 'user:bob', { name: 'ci' })];
    const users = [user('alice'), user('bob')];
    expect(of(key('kc', 'api-key:ci'), [one, two], users)).toMatchObject({ person: null, ended: null });
    const same = { ...two, createdBy: 'user:alice' };
    expect(of(key('kc', 'api-key:ci'), [one, same], users)).toMatchObject({ person: { user: 'alice' } });
    expect(of(key('a', 'api-key:b'), [key('b', 'api-key:a')]).person).toBeNull();
  });

  it('does not belong to an account of the name that is younger than it', () => {
    expect(of(key('ka', 'user:alice'), [], [user('alice', { createdAt: at(300) })]).ended).toContain('alice');
  });
});

it('has the lesser of its role and its person’s, and what no person made stands for itself', () => {
  const person = { user: 'alice', since: at(100) };
  expect(of(key('ka', 'x', { person }), [], [user('alice', { role: 'operator' })]).role).toBe('operator');
  expect(of(key('ka', 'x', { person, role: 'viewer' })).role).toBe('viewer');
  expect(of(key('ka', 'first start'), [], [])).toEqual({ person: null, role: 'admin', ended: null });
  expect(of(key('ka', 'api-key:from the environment', { person: null }), [], [])).toMatchObject({ ended: null });
  expect(of(key('ka', 'x', { person }), [], [user('alice', { createdAt: at(150) })]).ended).toContain('gone');
});

describe('keys of a person', () => {
  let console: ConsoleFixture;
  beforeEach(async () => {
    console = await startConsole({ withAdmin: true });
    const password = adminPassword;
    await console.services.accounts.createUser({ username: 'alice', password, role: 'admin', by: 'test' });
  });
  afterEach(() => console.stop());

  const using = (secret: string, address = '/auth/me', body?: unknown) =>
    console.json(`/api/v1${address}`, {
      role: null,
      headers: { 'X-API-Key': secret },
      ...(body === undefined ? {} : { method: 'POST', body }),
    });
  const asAdmin = async (address: string, method = 'GET', body?: unknown): Promise<Wire> =>
    (await console.json(`/api/v1${address}`, { role: 'admin', method, body })).body;

  /** One that alice made, and one that was made with it. */
  async function twoKeys(): Promise<readonly [string, string]> {
    const login = await console.json('/api/v1/auth/login', {
      method: 'POST',
      role: null,
      body: { username: 'alice', password: adminPassword },
    });
    const { body } = await console.json('/api/v1/api-keys', {
      method: 'POST',
      role: null,
      headers: { Cookie: login.headers.get('set-cookie')!.split(';')[0]!, 'Sec-Fetch-Site': 'same-origin' },
      body: { name: 'ka', role: 'admin' },
    });
    const made = await using(body.secret, '/api-keys', { name: 'kb', role: 'admin' });
    expect(made.body).toMatchObject({ person: 'alice', effective_role: 'admin', ended_reason: null });
    return [body.secret, made.body.secret];
  }
  const listed = async (name: string) => (await asAdmin('/api-keys')).find((one: Wire) => one.name === name);

  it('are demoted, stopped and let in again with the person, at once and with the reason in the list', async () => {
    const secrets = await twoKeys();
    await asAdmin('/users/alice', 'PUT', { role: 'viewer' });
    for (const secret of secrets) {
      expect((await using(secret)).body.role).toBe('viewer');
      expect((await using(secret, '/api-keys', { name: 'kc', role: 'admin' })).status).toBe(403);
    }
    expect(await listed('kb')).toMatchObject({ role: 'admin', effective_role: 'viewer', ended_reason: null });
    await asAdmin('/users/alice', 'PUT', { disabled: true, role: 'admin' });
    for (const secret of secrets) {
      const refused = await using(secret);
      expect([refused.status, refused.body.message]).toEqual([
        401,
        'The API key is not valid any more: alice, who made it, is disabled',
      ]);
    }
    expect(await listed('kb')).toMatchObject({ effective_role: null, ended_reason: 'alice, who made it, is disabled' });
    await asAdmin('/users/alice', 'PUT', { disabled: false });
    for (const secret of secrets) expect((await using(secret)).body.role).toBe('admin');
  });

  it('end with the account, and an account of the same name does not bring them back', async () => {
    const secrets = await twoKeys();
    await asAdmin('/users/alice', 'DELETE');
    for (const secret of secrets) expect((await using(secret)).body.message).toContain('alice, who made it, is gone');
    await console.services.accounts.createUser({ username: 'alice', password: null, role: 'admin', by: 'test' });
    for (const secret of secrets) expect((await using(secret)).status).toBe(401);
  });

  it('follow the person when they were stored before persons were', async () => {
    const [, kb] = await twoKeys();
    const { entries } = await console.engine.anyNode('store.localList', { prefix: keys.apiKeys });
    const mutations = entries.map(({ key: name, value }) => {
      const { person: _person, ...before } = value as Record<string, Json>;
      return { kind: 'put' as const, key: name, value: before };
    });
    await console.engine.leader('store.txn', { compare: [], mutations });
    await console.services.accounts.refresh();
    expect((await using(kb)).body.role).toBe('admin');
    await asAdmin('/users/alice', 'PUT', { role: 'operator' });
    expect((await using(kb)).body.role).toBe('operator');
  });

  async function openSocket(secret: string): Promise<Promise<number>> {
    const socket = new WebSocket(`${console.url.replace('http', 'ws')}/api/v1/ws/cluster/nodes`, {
      headers: { 'X-API-Key': secret },
    });
    await new Promise((resolve) => socket.once('message', resolve));
    return new Promise((resolve) => socket.once('close', resolve));
  }
  /** An `await` would wait for the close itself. */
  const opened = async (secret: string) => ({ closed: openSocket(secret) });

  it('take what they opened with them: a demotion, an end, an expiry', async () => {
    const [ka, kb] = await twoKeys();
    const { accounts } = console.services;
    const first = await accounts.personBehind({ kind: 'user', id: 'alice' });
    const short = await accounts.createApiKey({
      name: 'short',
      role: 'viewer',
      expiresAt: new Date(Date.now() + 1000).toISOString(),
      by: 'user:alice',
      person: first,
    });
    const expiring = await opened(short.secret);
    const demoted = await opened(ka);
    expect(await expiring.closed).toBe(4401);
    await asAdmin('/users/alice', 'PUT', { role: 'viewer' });
    expect(await demoted.closed).toBe(4401);
    const ended = await opened(kb);
    await asAdmin('/users/alice', 'DELETE');
    expect(await ended.closed).toBe(4401);
  });

  it('and invitations of who is no admin any more are worth nothing', async () => {
    const [ka] = await twoKeys();
    const { body } = await using(ka, '/invitations', { username: 'mallory', role: 'admin' });
    await asAdmin('/users/alice', 'PUT', { role: 'operator' });
    const refused = await console.json('/api/v1/invitations/accept', {
      method: 'POST',
      role: null,
      body: { token: body.token, password: adminPassword },
    });
    expect([refused.status, refused.body.message]).toEqual([
      404,
      'Who invited you is no admin any more: ask for a new invitation',
    ]);
    expect(await console.services.accounts.user('mallory')).toBeNull();
  });
});
