/** What somebody sets by hand on a real server: the agent still reaches it, reads its log, starts it, promotes it, and says what was set. */
import { appendFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, afterEach, beforeAll, describe, expect, it } from 'vitest';
import type { PostgresReport } from '../cluster/model';
import { pollUntil } from '../kernel/async';
import { PgFixture, type TestNode } from '../testing/pg-fixture';
import { withFreshSession } from './connection';
import { pinnedNames } from './pinned-settings';

let fixture: PgFixture;
beforeAll(async () => {
  fixture = await PgFixture.create();
});
afterEach(() => fixture.reset());
afterAll(() => fixture.close());

/** Each of these once left the agent silent, the page of the log empty, a standby that stands, or a server that does not start. */
const hostile: Readonly<Record<string, string>> = {
  listen_addresses: '203.0.113.9',
  port: '1',
  unix_socket_directories: '/nowhere',
  unix_socket_permissions: '0000',
  unix_socket_group: 'nobody-there',
  cluster_name: 'elsewhere',
  hba_file: '/nowhere/pg_hba.conf',
  ident_file: '/nowhere/pg_ident.conf',
  external_pid_file: '/nowhere/pid',
  hot_standby: 'off',
  restart_after_crash: 'on',
  fsync: 'off',
  full_page_writes: 'off',
  logging_collector: 'off',
  log_destination: 'stderr',
  log_directory: '/nowhere',
  log_filename: 'elsewhere.txt',
  log_file_mode: '0644',
  data_sync_retry: 'on',
  exit_on_error: 'on',
  idle_replication_slot_timeout: '60',
  recovery_min_apply_delay: '1h',
  recovery_target: 'immediate',
  recovery_target_timeline: 'current',
};

async function bySuperuser<T>(node: TestNode, statements: readonly string[]): Promise<T[]> {
  const { paths, port, passwords } = node.configuration;
  const endpoint = { socketDirectory: paths.socketDirectory, port, password: passwords.superuser, purpose: 'a DBA' };
  return withFreshSession(endpoint, async (client) => {
    let rows: T[] = [];
    for (const statement of statements) rows = (await client.query(statement)).rows as T[];
    return rows;
  });
}

const setAll = Object.entries(hostile).map(([name, value]) => `ALTER SYSTEM SET ${name} = '${value}'`);

function reported(node: TestNode, fits: (report: PostgresReport) => boolean): Promise<PostgresReport> {
  return pollUntil(
    async () => {
      const report = await node.server.report();
      return report.databaseBytes !== null && fits(report) ? report : undefined;
    },
    { timeoutMs: 20_000, intervalMs: 50, what: 'the report says so' },
  );
}

const byHand = (report: PostgresReport) => report.settingsByHand!.map(({ name }) => name).sort();

/** A line of the log that the page of the log shows. */
async function writesIntoItsLog(node: TestNode, words: string): Promise<void> {
  await bySuperuser(node, [`DO $$ BEGIN RAISE LOG '${words}'; END $$`]);
  await pollUntil(
    async () => {
      const { lines } = await node.server.logs({ limit: 5, level: null, contains: words });
      return lines.some((line) => line.message === words) || undefined;
    },
    { timeoutMs: 10_000, intervalMs: 50, what: 'the line is in the log' },
  );
}

describe('settings by hand', () => {
  it('of a primary change nothing that the agent needs, now and after a restart, and are told', async () => {
    const node = await fixture.primary('hand-1');
    expect(byHand(await reported(node, () => true))).toEqual([]);
    await bySuperuser(node, [...setAll, 'SELECT pg_reload_conf()']);
    const names = Object.keys(hostile).sort();
    const told = await reported(node, (report) => byHand(report).length === names.length);
    expect(byHand(told)).toEqual(names);
    expect(told.settingsByHand!.filter((one) => one.inForce || one.error !== null)).toEqual([]);
    expect(told.settingsByHand!.find(({ name }) => name === 'port')).toMatchObject({
      value: '1',
      file: 'postgresql.auto.conf',
    });
    await writesIntoItsLog(node, 'before the restart');
    await node.server.stop('fast', 20_000);
    await node.server.start('primary', { serveForMs: 600_000, timeoutMs: 30_000 });
    expect(byHand(await reported(node, ({ state }) => state === 'primary'))).toEqual(names);
    await writesIntoItsLog(node, 'after the restart');
    const app = await fixture.client(node);
    expect((await app.query('SELECT 1 AS n')).rows).toEqual([{ n: 1 }]);
    await app.end();
    const wrong = await bySuperuser<{ name: string }>(node, [
      `SELECT name FROM pg_settings WHERE name = ANY('{${pinnedNames.join(',')}}') AND source <> 'command line'`,
    ]);
    // PostgreSQL looks for the two files itself.
    expect(wrong.filter(({ name }) => !['exit_on_error', 'hba_file', 'ident_file'].includes(name))).toEqual([]);
    expect(await bySuperuser(node, ["SELECT current_setting('hba_file') AS rules"])).toEqual([
      { rules: join(node.configuration.paths.dataDirectory, 'pg_hba.conf') },
    ]);
  });

  it('of a standby do not end its replay, and it is promoted', async () => {
    const one = await fixture.primary('hand-2');
    await bySuperuser(one, ['CREATE TABLE public.t (n int)', ...setAll]);
    const two = await fixture.standby('hand-3', one);
    await bySuperuser(one, ['INSERT INTO public.t VALUES (1)']);
    await two.server.waitForReplay(await one.server.currentLsn(), 10_000);
    await one.server.killAll();
    await two.server.stopReceiving(5_000);
    await two.server.setRole('primary', 600_000);
    await two.server.promote(10_000, 2);
    expect(await bySuperuser(two, ['SELECT n FROM public.t'])).toEqual([{ n: 1 }]);
  });
});

describe('a time-out that ends every session while it begins', () => {
  it('set by hand for the whole server: is told and taken back, also by a start', async () => {
    const node = await fixture.primary('hand-6');
    // Its agent is signed in by then.
    await reported(node, () => true);
    await bySuperuser(node, ["ALTER SYSTEM SET transaction_timeout = '1min'", 'SELECT pg_reload_conf()']);
    await bySuperuser(node, ["ALTER SYSTEM SET transaction_timeout = '1ms'", 'SELECT pg_reload_conf()']);
    const told = await reported(node, (report) => byHand(report).length > 0);
    expect(told.settingsByHand).toMatchObject([{ name: 'transaction_timeout', value: '1ms', inForce: true }]);
    await node.server.repairConfiguration(1, ['transaction_timeout']);
    await reported(node, (report) => byHand(report).length === 0);
    await bySuperuser(node, ["ALTER SYSTEM SET transaction_timeout = '1ms'"]);
    await node.server.stop('fast', 20_000);
    await node.server.start('primary', { serveForMs: 600_000, timeoutMs: 30_000 });
    expect((await reported(node, ({ state }) => state === 'primary')).settingsByHand).toEqual([]);
  });
});

describe('a configuration that PostgreSQL can not read', () => {
  it.each(['postgresql.conf', 'rustydb.conf', 'postgresql.auto.conf'])(
    'because of a line in %s is told, written anew, and takes changes again',
    async (file) => {
      const node = await fixture.primary('hand-4');
      await bySuperuser(node, ["ALTER SYSTEM SET work_mem = '5MB'"]);
      appendFileSync(join(node.configuration.paths.dataDirectory, file), 'this is = = no setting\n');
      const told = await reported(node, (report) => report.settingsByHand!.some(({ error }) => error !== null));
      expect(told.settingsByHand).toMatchObject([{ file, error: 'syntax error' }]);
      await expect(node.server.setSynchronousStandbys(['hand-5'], 1)).rejects.toThrow();
      await node.server.repairConfiguration(1, []);
      expect(byHand(await reported(node, (report) => byHand(report).length === 0))).toEqual([]);
      await node.server.setSynchronousStandbys(['hand-5'], 1);
      expect((await node.server.report()).synchronousStandbyNames).toBe('ANY 1 ("hand-5")');
      expect(await bySuperuser(node, ["SELECT current_setting('work_mem') AS mem"])).toEqual([{ mem: '5MB' }]);
    },
  );
});
