import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { afterAll, afterEach, beforeAll, describe, expect, it } from 'vitest';
import { ownShortfall } from '../cluster/core/standby-parameters';
import { pollUntil } from '../kernel/async';
import { PgFixture, type TestNode } from '../testing/pg-fixture';
import { readControlFile } from './control-data';

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

  it('stops replay for ever when the primary has more, which the report tells, resuming is refused, and a restart mends', async () => {
    const one = await fixture.primary('node-1');
    const two = await fixture.standby('node-2', one);
    await one.server.applySettings({ max_wal_senders: '25' });
    await one.server.stop('fast', 10_000);
    await one.server.start('primary', { serveForMs: 600_000, timeoutMs: 20_000 });
    const reported = await pollUntil(
      async () => {
        const report = await two.server.report();
        return report.replayPaused && ownShortfall(report.parameters).length > 0 ? report.parameters! : undefined;
      },
      { timeoutMs: 20_000, intervalMs: 20, what: 'the standby tells that its replay stands' },
    );
    expect(ownShortfall(reported)).toEqual([{ name: 'max_wal_senders', running: 16, required: 25 }]);
    expect(await two.server.parameterShortfall()).toEqual(ownShortfall(reported));
    await expect(two.server.setReplayPaused(false)).rejects.toThrow('max_wal_senders is 16, 25 is needed');
    expect((await two.server.report()).state).toBe('standby');

    await two.server.stop('fast', 10_000);
    await two.server.start('standby', { timeoutMs: 20_000, slot: 'rustydb_node_2' });
    await two.server.waitForReplay(await one.server.currentLsn(), 10_000);
    expect(await show(two, 'max_wal_senders')).toBe('25');
    expect(await two.server.parameterShortfall()).toEqual([]);
    // What is configured is as it was.
    const file = await readFile(join(two.configuration.paths.dataDirectory, 'postgresql.auto.conf'), 'utf8');
    expect(file).not.toContain('max_wal_senders');
  });

  it('starts with what the primary runs with, also before it has replayed a word of it', async () => {
    const one = await fixture.primary('node-1');
    const two = await fixture.standby('node-2', one);
    await two.server.stop('fast', 10_000);
    const { parameters } = await readControlFile(one.configuration.paths.dataDirectory);
    await two.server.start('standby', {
      timeoutMs: 20_000,
      slot: 'rustydb_node_2',
      primaryParameters: { ...parameters, max_connections: 240 },
    });
    expect(await show(two, 'max_connections')).toBe('240');
  });

  it('a server starts with the senders, slots and connections that the members of its group need', async () => {
    const one = await fixture.primary('node-1');
    await one.server.stop('fast', 10_000);
    await one.server.start('primary', { serveForMs: 600_000, timeoutMs: 20_000, members: 18 });
    const shown = await Promise.all(
      ['max_wal_senders', 'max_replication_slots', 'max_connections'].map((name) => show(one, name)),
    );
    expect(shown).toEqual(['32', '64', '216']);
  });

  it('takes what the group wants before it starts: a server that can not be told still gets it', async () => {
    const one = await fixture.primary('node-1');
    await one.server.applySettings({ shared_preload_libraries: 'no_such_library', jit: 'on' });
    await one.server.stop('fast', 10_000);
    const start = (settings: Record<string, string | null>) =>
      one.server.start('primary', { serveForMs: 600_000, timeoutMs: 20_000, settings });
    await expect(start({})).rejects.toThrow('could not access file "no_such_library": No such file or directory');
    await start({ shared_preload_libraries: null, work_mem: '7MB' });
    expect(await show(one, 'work_mem')).toBe('7MB');
    expect(await show(one, 'jit')).toBe('on');
  });
});
