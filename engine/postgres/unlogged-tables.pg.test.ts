import { afterAll, beforeAll, expect, it } from 'vitest';
import { pollUntil } from '../kernel/async';
import { PgFixture } from '../testing/pg-fixture';

let fixture: PgFixture;
beforeAll(async () => {
  fixture = await PgFixture.create();
});
afterAll(() => fixture.close());

it('of all databases are counted with rows and bytes, nobody’s lock is waited for, and a promotion empties them', async () => {
  const primary = await fixture.primary('unlogged');
  const client = await fixture.client(primary);
  await client.query('CREATE TABLE logged AS SELECT n FROM generate_series(1, 10) AS n');
  expect(await primary.server.unloggedTables()).toEqual([]);
  await client.query('CREATE UNLOGGED TABLE cache AS SELECT n FROM generate_series(1, 1000) AS n');
  await client.query('CREATE UNLOGGED TABLE sessions (n int)');
  const found = await pollUntil(async () => (await primary.server.unloggedTables()).find((one) => one.rows === 1000), {
    timeoutMs: 15_000,
    intervalMs: 50,
    what: 'statistics count the rows',
  });
  expect(found).toMatchObject({ database: 'app', tables: 2 });
  expect(found.bytes).toBeGreaterThan(30_000);

  await client.query('BEGIN');
  await client.query('LOCK TABLE cache IN ACCESS EXCLUSIVE MODE');
  expect(await primary.server.unloggedTables()).toEqual([{ database: 'app', tables: 2, rows: 1000, bytes: null }]);
  await client.query('COMMIT');
  await client.end();

  const standby = await fixture.standby('unlogged-standby', primary);
  await standby.server.waitForReplay(await primary.server.currentLsn(), 5000);
  await primary.server.stop('fast', 10_000);
  await standby.server.setRole('primary', 600_000);
  await standby.server.promote(10_000);
  const after = await fixture.client(standby);
  expect(
    (
      await after.query(
        'SELECT (SELECT count(*)::int FROM cache) AS cache, (SELECT count(*)::int FROM logged) AS logged',
      )
    ).rows,
  ).toEqual([{ cache: 0, logged: 10 }]);
  await after.end();
});
