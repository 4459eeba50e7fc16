import { afterAll, afterEach, beforeAll, describe, expect, it } from 'vitest';
import { pollUntil } from '../kernel/async';
import { PgFixture, type TestNode } from '../testing/pg-fixture';

let fixture: PgFixture;
beforeAll(async () => {
  fixture = await PgFixture.create();
});
afterEach(() => fixture.reset());
afterAll(() => fixture.close());

async function show(node: TestNode, name: string): Promise<string> {
  const client = await fixture.client(node);
  try {
    return String((await client.query(`SHOW ${name}`)).rows[0][name]);
  } finally {
    await client.end();
  }
}

describe('a setting that standbys must not have lower than the primary', () => {
  it('is kept up on a standby that was told to lower it, until the primary has lowered its own', async () => {
    const one = await fixture.primary('node-1');
    const two = await fixture.standby('node-2', one);
    const restart = async (node: TestNode, role: 'primary' | 'standby') => {
      await node.server.stop('fast', 10_000);
      await node.server.start(role, { serveForMs: 600_000, timeoutMs: 20_000, slot: 'rustydb_node_2' });
    };
    expect(await show(two, 'max_connections')).toBe('200');
    await two.server.applySettings({ max_connections: '150', max_locks_per_transaction: '32' });
    await restart(two, 'standby');
    expect(await show(two, 'max_connections')).toBe('200');
    expect(await show(two, 'max_locks_per_transaction')).toBe('64');

    await one.server.applySettings({ max_connections: '150' });
    await restart(one, 'primary');
    await two.server.waitForReplay(await one.server.currentLsn(), 10_000);
    await two.server.applySettings({ max_connections: '150' });
    await restart(two, 'standby');
    await pollUntil(async () => ((await two.server.report()).walReceiver?.status === 'streaming' ? true : undefined), {
      timeoutMs: 15_000,
      intervalMs: 20,
      what: 'the standby streams',
    });
    expect(await show(two, 'max_connections')).toBe('150');
  });
});
