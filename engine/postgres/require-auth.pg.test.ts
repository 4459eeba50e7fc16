/** Where libpq logs in for us (a walreceiver, and PostgreSQL's worker that copies slots), it proves the password and never sends it. */
import { afterAll, beforeAll, expect, it } from 'vitest';
import { pollUntil } from '../kernel/async';
import { FakePostgres } from '../testing/fake-postgres';
import { PgFixture, type TestNode } from '../testing/pg-fixture';

let fixture: PgFixture;
let primary: TestNode;
let standby: TestNode;
beforeAll(async () => {
  fixture = await PgFixture.create();
  primary = await fixture.primary('node-1');
  standby = await fixture.standby('node-2', primary);
});
afterAll(() => fixture.close());

it.each(['cleartext', 'md5', 'nothing'] as const)(
  'a standby whose primary’s port somebody else holds tells him nothing when he answers with %s',
  async (asks) => {
    const fake = await FakePostgres.listen({ port: 0 }, asks);
    try {
      standby.proxy.target = fake.port;
      standby.proxy.cut();
      // The second connection: what the first was told is complete by then.
      const seen = () => fake.connections >= 2 || undefined;
      await pollUntil(seen, { timeoutMs: 30_000, intervalMs: 20, what: 'the standby looks for its primary' });
      expect(fake.told.filter((type) => type !== 'X')).toEqual([]);
      expect(fake.heard).not.toContain('of-tests');
    } finally {
      standby.proxy.target = primary.configuration.port;
      standby.proxy.cut();
      await fake.close();
    }
    await pollUntil(async () => (await standby.server.report()).walReceiver?.status === 'streaming' || undefined, {
      timeoutMs: 30_000,
      intervalMs: 20,
      what: 'the standby follows again',
    });
  },
);
