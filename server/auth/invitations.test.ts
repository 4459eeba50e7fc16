/** Invitations: one link, one account, one use; withdrawn or run out it is as good as unknown. */
import { readFileSync } from 'node:fs';
import path from 'node:path';
import { afterEach, beforeEach, expect, it, vi } from 'vitest';
import { type ConsoleFixture, cheapPasswords, startConsole } from '../testing/console-fixture';

const passwords = cheapPasswords();
let console: ConsoleFixture;
beforeEach(async () => {
  console = await startConsole({ passwords });
});
afterEach(() => console.stop());

const password = 'chosen by its owner';
const invite = (username = 'maria', hours = 72) =>
  console.json('/api/v1/invitations', { method: 'POST', role: 'admin', body: { username, role: 'operator', hours } });
const accept = (token: string) =>
  console.json('/api/v1/invitations/accept', { method: 'POST', role: null, body: { token, password } });
const list = async () => (await console.json('/api/v1/invitations', { role: 'admin' })).body;

/** Both have found the invitation open by then, and neither has used it. */
function holdUntilTwo() {
  const hash = passwords.hash.bind(passwords);
  let resolve = () => {};
  const two = new Promise<void>((done) => {
    resolve = done;
  });
  const hashes = vi.spyOn(passwords, 'hash');
  return hashes.mockImplementation(async (text) => {
    if (hashes.mock.calls.length === 2) resolve();
    await two;
    return hash(text);
  });
}

it('makes an account whose password only its owner knows, once', async () => {
  const { status, body } = await invite();
  expect([status, body.path]).toEqual([201, `/invitation#${body.token}`]);
  expect(JSON.stringify(await list())).not.toContain(body.token);
  const { entries } = await console.engine.anyNode('store.localList', { prefix: '' });
  expect(JSON.stringify(entries)).not.toContain(body.token);
  const hashes = holdUntilTwo();
  const answers = await Promise.all([accept(body.token), accept(body.token)]);
  expect(hashes.mock.calls).toEqual([[password], [password]]);
  hashes.mockRestore();
  expect(answers.map((one) => one.status).sort()).toEqual([201, 409]);
  expect((await accept(body.token)).status).toBe(404);
  const login = await console.json('/api/v1/auth/login', {
    method: 'POST',
    role: null,
    body: { username: 'maria', password },
  });
  expect(login.body).toMatchObject({ name: 'maria', role: 'operator' });
  expect(await list()).toMatchObject([{ username: 'maria', state: 'accepted', created_by: 'api-key:admin' }]);
  const log = readFileSync(path.join(console.dataDirectory, 'audit', 'audit.jsonl'), 'utf8');
  expect(log).toContain('invitations.accept');
  expect(log).not.toContain(body.token);
});

it('is refused for a name that is taken or invited, and by who is no admin', async () => {
  await invite();
  expect((await invite()).body.message).toContain('invited already');
  await console.services.accounts.createUser({ username: 'otto', password, role: 'viewer', by: 'test' });
  expect((await invite('otto')).status).toBe(409);
  const body = { username: 'x', role: 'admin' };
  expect((await console.json('/api/v1/invitations', { method: 'POST', role: 'operator', body })).status).toBe(403);
});

it('can be withdrawn', async () => {
  const { body } = await invite();
  expect((await console.json(`/api/v1/invitations/${body.id}`, { method: 'DELETE', role: 'admin' })).body.state).toBe(
    'withdrawn',
  );
  expect((await accept(body.token)).status).toBe(404);
  expect((await invite()).status).toBe(201);
});

it('runs out', async () => {
  const { record, token } = await console.services.invitations.create({
    username: 'maria',
    role: 'viewer',
    hours: -1,
    by: 'test',
  });
  expect((await accept(token)).status).toBe(404);
  expect(await list()).toMatchObject([{ id: record.id, state: 'expired' }]);
});
