/** Locks after failed sign-ins: counted across consoles and restarts, the same for names that nobody has, told to admins, and undone by them. */
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { adminPassword, type ConsoleFixture, startConsole } from '../testing/console-fixture';
import { afterFailure, Lockouts } from './lockouts';

const subject = { kind: 'account', subject: 'maria' } as const;
const minute = 60_000;

describe('the count', () => {
  it('locks at the twentieth failure of a quarter of an hour, for a quarter of an hour', () => {
    let record = afterFailure(null, subject, 0);
    for (let failure = 2; failure < 20; failure++) record = afterFailure(record, subject, failure * 1000);
    expect(record).toMatchObject({ failures: 19, lockedUntil: null });
    record = afterFailure(record, subject, 20_000);
    expect(record).toMatchObject({ failures: 20, lockedUntil: new Date(20_000 + 15 * minute).toISOString() });
  });

  it('begins anew after the quarter of an hour', () => {
    const old = { ...afterFailure(null, subject, 0), failures: 19 };
    expect(afterFailure(old, subject, 15 * minute)).toMatchObject({ failures: 1, lockedUntil: null });
  });
});

describe('a lock', () => {
  let console: ConsoleFixture;
  beforeEach(async () => {
    console = await startConsole({ withAdmin: true });
  });
  afterEach(() => console.stop());

  const login = (on: ConsoleFixture, username = 'admin') =>
    on.json('/api/v1/auth/login', { method: 'POST', role: null, body: { username, password: adminPassword } });

  async function fail(username: string, addresses: readonly string[]): Promise<void> {
    const lockouts = new Lockouts(console.engine);
    // One after the other: they compete for one record otherwise.
    for (const address of addresses) await lockouts.countFailure(username, address);
  }

  it('holds on every console, is told to admins and undone by them', async () => {
    const other = await startConsole({ engine: console.engine });
    try {
      await fail(
        'Admin',
        Array.from({ length: 20 }, (_unused, index) => `192.0.2.${index}`),
      );
      for (const one of [console, other]) {
        const refused = await login(one);
        expect([refused.status, refused.body.details.reasons[0].rule]).toEqual([429, 'account-locked']);
        expect(Number(refused.headers.get('retry-after'))).toBeGreaterThan(800);
      }
      const [lock] = (await console.json('/api/v1/auth/lockouts', { role: 'admin' })).body;
      expect(lock).toMatchObject({ id: 'account:admin', failures: 20, locked: true });
      expect(lock.unlocks_in_seconds).toBeGreaterThan(800);
      const unlocked = await console.json('/api/v1/auth/lockouts/account:admin', { method: 'DELETE', role: 'admin' });
      expect(unlocked.body.success).toBe(true);
      expect((await login(console)).status).toBe(200);
    } finally {
      await other.stop();
    }
  });

  it('undone, what each console counted itself is forgotten too, once', async () => {
    const other = await startConsole({ engine: console.engine });
    const wrong = (on: ConsoleFixture) =>
      on.json('/api/v1/auth/login', {
        method: 'POST',
        role: null,
        body: { username: 'admin', password: 'not it at all' },
      });
    const untilRefused = async (on: ConsoleFixture) => {
      let tries = 0;
      while ((await wrong(on)).status === 401) tries++;
      return tries;
    };
    try {
      expect([await untilRefused(console), await untilRefused(other)]).toEqual([10, 10]);
      for (const one of [console, other]) expect((await login(one)).status).toBe(429);
      const unlocked = await console.json('/api/v1/auth/lockouts/account:admin', { method: 'DELETE', role: 'admin' });
      expect(unlocked.status).toBe(200);
      expect((await console.json('/api/v1/auth/lockouts', { role: 'admin' })).body).not.toContainEqual(
        expect.objectContaining({ id: 'account:admin' }),
      );
      expect((await login(console)).status).toBe(200);
      // Another console reads the records again after a moment.
      await expect.poll(async () => (await login(other)).status).toBe(200);
      // The right password ended that count; the next one begins, and is forgiven by nobody.
      expect(await untilRefused(console)).toBe(10);
      expect((await login(console)).status).toBe(429);
    } finally {
      await other.stop();
    }
  });

  it('is the same for a name that nobody has, and does not hit others', async () => {
    await fail(
      'nobody',
      Array.from({ length: 20 }, (_unused, index) => `192.0.2.${index}`),
    );
    expect((await login(console, 'nobody')).status).toBe(429);
    expect((await login(console)).status).toBe(200);
  });

  it('hits an address that tries many names', async () => {
    const lockouts = new Lockouts(console.engine);
    for (let name = 0; name < 100; name++) await lockouts.countFailure(`name-${name}`, '127.0.0.1');
    expect((await login(console)).body.details.reasons[0].rule).toBe('address-locked');
  });

  it('is counted by the failures of real sign-ins, and a right password ends the count', async () => {
    await console.json('/api/v1/auth/login', {
      method: 'POST',
      role: null,
      body: { username: 'admin', password: 'no' },
    });
    const list = async () => (await console.json('/api/v1/auth/lockouts', { role: 'admin' })).body;
    expect(await list()).toMatchObject([
      { id: 'account:admin', failures: 1, locked: false, unlocks_in_seconds: null },
      { id: 'address:127.0.0.1', failures: 1 },
    ]);
    expect((await login(console)).status).toBe(200);
    expect((await list()).map((one: { id: string }) => one.id)).toEqual(['address:127.0.0.1']);
  });
});
