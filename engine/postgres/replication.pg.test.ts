import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { pollUntil } from '../kernel/async';
import { PgFixture, type TestNode } from '../testing/pg-fixture';

let fixture: PgFixture;
beforeAll(async () => {
  fixture = await PgFixture.create();
});
afterAll(() => fixture.close());

const until = <T>(what: string, probe: () => Promise<T | undefined> | T | undefined) =>
  pollUntil(probe, { timeoutMs: 15_000, intervalMs: 10, what });

async function count(node: TestNode): Promise<number> {
  const client = await fixture.client(node);
  try {
    return Number((await client.query('SELECT count(*) FROM t')).rows[0].count);
  } finally {
    await client.end();
  }
}

describe('a group of three', () => {
  it('clones, follows, promises, promotes, and the second standby follows the new primary', async () => {
    const one = await fixture.primary('node-1');
    const client = await fixture.client(one);
    await client.query('CREATE TABLE t (n int)');
    await client.query('INSERT INTO t SELECT generate_series(1, 1000)');
    const two = await fixture.standby('node-2', one);
    const three = await fixture.standby('node-3', one);
    await one.server.keepSlots(['node-2', 'node-3'], {});
    await one.server.setSynchronousStandbys(['node-2', 'node-3'], 1);
    expect((await one.server.report()).synchronousStandbyNames).toBe('ANY 1 ("node-2","node-3")');

    await client.query('INSERT INTO t VALUES (1001)');
    const report = await until('both stream', async () => {
      const r = await one.server.report();
      return r.senders.filter((s) => s.state === 'streaming' && s.syncState === 'quorum').length === 2 ? r : undefined;
    });
    expect(report.state).toBe('primary');
    await two.server.waitForReplay(report.lsn!, 5000);
    expect(await count(two)).toBe(1001);
    expect((await two.server.report()).walReceiver?.status).toBe('streaming');

    // The old primary dies; both promise; the more advanced is promoted.
    await client.end();
    await one.server.killAll();
    expect(await one.server.isDead()).toBe(true);
    const a = await two.server.stopReceiving(5000);
    const b = await three.server.stopReceiving(5000);
    expect((await two.server.report()).walReceiver).toBeNull();
    expect(a.lsn).toBe(b.lsn);
    expect(a.inRecovery).toBe(true);

    await two.server.setRole('primary', 600_000);
    await two.server.setSynchronousStandbys(['node-3'], 1);
    await two.server.keepSlots(['node-1', 'node-3'], { 'node-3': b.lsn });
    const promoted = await two.server.promote(5000);
    expect(promoted.timeline).toBe(2);
    expect((await two.server.report()).state).toBe('primary');
    expect(await two.server.timelineHistory()).toEqual([{ timeline: 1, forkLsn: promoted.forkLsn }]);

    three.proxy.target = two.configuration.port;
    await three.server.follow('rustydb_node_3');
    const after = await fixture.client(two);
    await after.query('INSERT INTO t VALUES (1002)');
    await after.end();
    await three.server.waitForReplay(await two.server.currentLsn(), 5000);
    expect(await count(three)).toBe(1002);
    expect((await three.server.report()).timeline).toBe(2);

    // The old primary's WAL ends where the new history began: it may follow.
    const fork = await one.server.compareWithFork(await two.server.timelineHistory(), 2);
    expect(fork).toEqual({ kind: 'can-follow' });
    one.proxy.target = two.configuration.port;
    await one.server.start('standby', { slot: 'rustydb_node_1', timeoutMs: 10_000 });
    await one.server.waitForReplay(await two.server.currentLsn(), 5000);
    expect(await count(one)).toBe(1002);
  });
});
