/** Archiving without an archiver keeps all WAL until the disk is full: a server never starts so, whoever asked for it once. What is told of archiver and replay is measured. */
import { afterAll, afterEach, beforeAll, expect, it } from 'vitest';
import { pollUntil } from '../kernel/async';
import { PgFixture, type TestNode } from '../testing/pg-fixture';

let fixture: PgFixture;
beforeAll(async () => {
  fixture = await PgFixture.create();
});
afterEach(() => fixture.reset());
afterAll(() => fixture.close());

async function restart(node: TestNode, role: 'primary' | 'standby'): Promise<void> {
  await node.server.stop('fast', 10_000);
  await node.server.start(role, { serveForMs: 600_000, timeoutMs: 20_000, slot: 'rustydb_node_2' });
}

/** The mode as the report tells it, once it knows. */
function archiveMode(node: TestNode): Promise<string> {
  return pollUntil(async () => (await node.server.report()).archiveMode ?? undefined, {
    timeoutMs: 10_000,
    intervalMs: 20,
    what: 'the report knows the archive mode',
  });
}

it('starts without archiving when there is nothing to archive to, on a primary and on a standby', async () => {
  const one = await fixture.primary('node-1');
  const two = await fixture.standby('node-2', one);
  for (const [node, role] of [
    [one, 'primary'],
    [two, 'standby'],
  ] as const) {
    await node.server.applySettings({ archive_mode: 'on' });
    await restart(node, role);
    expect(await archiveMode(node)).toBe('off');
    expect((await node.server.wal()).archiver).toMatchObject({ mode: 'off', target: null, readyFiles: 0 });
  }
});

it('keeps an archiver that was set by hand, and counts what waits for it and what failed', async () => {
  const one = await fixture.primary('node-1');
  await one.server.applySettings({ archive_mode: 'on', archive_command: 'false' });
  await restart(one, 'primary');
  expect(await archiveMode(one)).toBe('on');
  await one.server.switchWal();
  const archiver = await pollUntil(
    async () => {
      const { archiver } = await one.server.wal();
      return archiver.failedCount > 0 ? archiver : undefined;
    },
    { timeoutMs: 20_000, intervalMs: 50, what: 'the archiver failed' },
  );
  expect(archiver).toMatchObject({ mode: 'on', target: 'command', archivedCount: 0, lastArchivedAt: null });
  expect(archiver.readyFiles).toBeGreaterThan(0);
  expect(archiver.lastFailedWal).toMatch(/^[0-9A-F]{24}/);
  expect(Date.parse(archiver.lastFailedAt!)).toBeGreaterThan(Date.parse(archiver.since!));
});

it('counts what replay cancelled on a standby', async () => {
  const one = await fixture.primary('node-1');
  const two = await fixture.standby('node-2', one);
  await two.server.applySettings({ hot_standby_feedback: 'off', max_standby_streaming_delay: '0' });
  expect((await two.server.wal()).conflicts).toMatchObject({ snapshot: 0, lock: 0 });
  const writer = await fixture.client(one);
  const reader = await fixture.client(two);
  // Replay of the lock that TRUNCATE takes ends whoever reads the table there.
  reader.on('error', () => undefined);
  await writer.query('CREATE TABLE held (id int)');
  await two.server.waitForReplay(await one.server.currentLsn(), 10_000);
  await reader.query('BEGIN');
  await reader.query('SELECT * FROM held');
  await writer.query('TRUNCATE held');
  const counted = await pollUntil(
    async () => {
      const { conflicts } = await two.server.wal();
      return conflicts!.lock > 0 ? conflicts : undefined;
    },
    { timeoutMs: 15_000, intervalMs: 50, what: 'the standby counted the cancelled transaction' },
  );
  expect(counted).toMatchObject({ lock: 1, tablespace: 0, deadlock: 0 });
  await Promise.allSettled([writer.end(), reader.end()]);
});
