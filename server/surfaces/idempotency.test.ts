/** One Idempotency-Key, one change: over every surface, two consoles, refusals, and a console that ends in the middle. */
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import type { AnyDefinition } from '@/server/procedures/definition';
import { allProcedures } from '@/server/procedures/registry';
import { type ConsoleFixture, startConsole } from '../testing/console-fixture';
import { RecordedEngine } from '../testing/recorded-engine';
import { graphqlCall, restCall, type SurfaceCall, trpcCall } from '../testing/surface-calls';
import { IdempotentCalls } from './idempotency';

const surfaces: Readonly<Record<string, SurfaceCall>> = { REST: restCall, tRPC: trpcCall, GraphQL: graphqlCall };
const createUser = allProcedures.find((one) => one.name === 'users.create') as AnyDefinition;
const createKey = allProcedures.find((one) => one.name === 'apiKeys.create') as AnyDefinition;

let one: ConsoleFixture;
let other: ConsoleFixture;
let shared: string;
beforeAll(async () => {
  const plenty = { points: 100_000, seconds: 1 };
  const engine = new RecordedEngine();
  one = await startConsole({ engine, rateLimits: { write: plenty } });
  other = await startConsole({ engine, rateLimits: { write: plenty } });
  // The same caller at both.
  shared = one.keys.admin;
});
afterAll(async () => {
  await one.stop();
  await other.stop();
});

const caller = (key: string) => ({ 'X-API-Key': shared, 'Idempotency-Key': key });
const user = (username: string) => ({ username, password: 'a long enough password', role: 'viewer' });

describe.each(Object.entries(surfaces))('over %s', (surface, call) => {
  const key = `key-${surface}`;
  const username = `user-${surface.toLowerCase()}`;

  it('the second call changes nothing and gets the first answer, at this console and at another', async () => {
    const first = await call(one.url, createUser, user(username), caller(key));
    expect(first.error).toBeNull();
    for (const console of [one, other]) {
      const again = await call(console.url, createUser, user(username), caller(key));
      expect([again.status, again.error, again.data]).toEqual([first.status, null, first.data]);
    }
    const fresh = await call(other.url, createUser, user(username), caller(`${key}-fresh`));
    expect(fresh.error?.code, 'without the key it is a second call').toBe('CONFLICT');
  });

  it('another request under the key is refused', async () => {
    const { error } = await call(other.url, createUser, user(`${username}-b`), caller(key));
    expect(error).toMatchObject({ code: 'CONFLICT', message: 'Idempotency-Key was used with another request' });
  });

  it('a secret that is shown once is not shown again, and is kept nowhere', async () => {
    const input = { name: `robot-${surface}`, role: 'viewer' };
    const first = await call(one.url, createKey, input, caller(`${key}-secret`));
    const { secret } = first.data;
    expect(secret).toBeTruthy();
    const again = await call(other.url, createKey, input, caller(`${key}-secret`));
    expect(again.error).toMatchObject({ code: 'CONFLICT', message: expect.stringContaining('shown once') });
    const { entries } = await one.engine.anyNode('store.localList', { prefix: '' });
    expect(JSON.stringify(entries)).not.toContain(secret);
  });
});

it('the key of one caller is not the key of another', async () => {
  const { body } = await one.json('/api/v1/api-keys', {
    role: 'admin',
    method: 'POST',
    body: { name: 'second', role: 'admin' },
  });
  const input = user('of-another');
  expect((await restCall(one.url, createUser, input, caller('of-one'))).error).toBeNull();
  const mine = await restCall(one.url, createUser, input, { 'X-API-Key': body.secret, 'Idempotency-Key': 'of-one' });
  expect(mine.error?.message).not.toContain('Idempotency-Key');
});

it('calls that come together are one', async () => {
  const calls = Array.from({ length: 5 }, () => restCall(one.url, createUser, user('together'), caller('together')));
  const answers = await Promise.all(calls);
  expect(answers.map((answer) => answer.error)).toEqual([null, null, null, null, null]);
  expect(new Set(answers.map((answer) => answer.data.id)).size).toBe(1);
});

it('what was refused may be tried again under the same key', async () => {
  await restCall(one.url, createUser, user('taken'), caller('taken-1'));
  expect((await restCall(one.url, createUser, user('taken'), caller('taken-2'))).error?.code).toBe('CONFLICT');
  const { body: users } = await one.json('/api/v1/users', { role: 'admin' });
  const { id } = users.find((candidate: { username: string }) => candidate.username === 'taken');
  await one.json(`/api/v1/users/${id}`, { role: 'admin', method: 'DELETE', body: {} });
  expect((await restCall(one.url, createUser, user('taken'), caller('taken-2'))).error).toBeNull();
});

describe('kept in the control store', () => {
  const never = new Promise<never>(() => {});
  const meaning = ['things.make', {}];

  it('a call whose console ended in the middle is not made again, and said to be unknown', async () => {
    const engine = new RecordedEngine();
    let began = () => {};
    const running = new Promise<void>((resolve) => {
      began = resolve;
    });
    void new IdempotentCalls(engine).run('me', 'k', meaning, () => {
      began();
      return never;
    });
    await running;
    let made = 0;
    const again = new IdempotentCalls(engine).run('me', 'k', meaning, async () => ++made);
    await expect(again).rejects.toMatchObject({ code: 'CONFLICT', details: { extra: { outcome: 'unknown' } } });
    expect(made).toBe(0);
  });

  it('holds for a day, is then tidied, and the key is free', async () => {
    const engine = new RecordedEngine();
    let nowMs = Date.now();
    const calls = new IdempotentCalls(engine, () => nowMs);
    let made = 0;
    const run = () => calls.run('me', 'k', meaning, async () => ++made);
    expect([await run(), await run()]).toEqual([1, 1]);
    nowMs += 23 * 3_600_000;
    await calls.tidy();
    expect(await run()).toBe(1);
    nowMs += 2 * 3_600_000;
    expect(await run()).toBe(2);
    nowMs += 25 * 3_600_000;
    await calls.tidy();
    const { entries } = await engine.anyNode('store.localList', { prefix: 'idempotent-calls/' });
    expect(entries).toEqual([]);
  });
});
