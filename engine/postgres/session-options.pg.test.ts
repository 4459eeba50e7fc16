/** Sessions of ours against what a superuser, a role, a database or a login trigger may have set. */
import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, afterEach, beforeAll, describe, expect, it } from 'vitest';
import { pollUntil } from '../kernel/async';
import { PgFixture, type TestNode } from '../testing/pg-fixture';
import { type LocalEndpoint, localClient, withFreshSession } from './connection';

let fixture: PgFixture;
beforeAll(async () => {
  fixture = await PgFixture.create();
});
afterEach(() => fixture.reset());
afterAll(() => fixture.close());

/** Each of these once changed what a statement of ours does, how its answer reads, or how long it may take. */
const hostile: Readonly<Record<string, string>> = {
  search_path: 'public, pg_catalog',
  default_transaction_isolation: 'serializable',
  default_transaction_read_only: 'on',
  default_transaction_deferrable: 'on',
  datestyle: 'SQL, DMY',
  intervalstyle: 'iso_8601',
  timezone: 'Asia/Kathmandu',
  bytea_output: 'escape',
  extra_float_digits: '-15',
  statement_timeout: '1',
  lock_timeout: '1',
  transaction_timeout: '1',
  idle_session_timeout: '10',
  idle_in_transaction_session_timeout: '1',
  synchronous_commit: 'remote_apply',
  standard_conforming_strings: 'off',
  transform_null_equals: 'on',
  quote_all_identifiers: 'on',
  default_tablespace: 'nowhere',
  default_table_access_method: 'heap',
  row_security: 'off',
  client_min_messages: 'debug5',
  array_nulls: 'off',
  session_replication_role: 'replica',
  track_activities: 'off',
  log_statement: 'all',
  log_min_duration_statement: '0',
  temp_file_limit: '0',
  work_mem: '64kB',
};

function endpointOf(node: TestNode, database = 'postgres'): LocalEndpoint {
  const { paths, port, passwords } = node.configuration;
  return {
    socketDirectory: paths.socketDirectory,
    port,
    password: passwords.superuser,
    purpose: 'rustydb agent (new session)',
    database,
  };
}

/** Statements of a DBA: none of what is set meanwhile reaches this session either. */
const asSuperuser = (node: TestNode, statements: readonly string[], database?: string) =>
  withFreshSession(endpointOf(node, database), async (client) => {
    for (const statement of statements) await client.query(statement);
  });

function set(target: string): string[] {
  // For the whole server a tablespace that is not there is refused, and a millisecond per transaction ends each session while it still begins.
  const notWhole = ['default_tablespace', 'transaction_timeout'];
  const possible = Object.entries(hostile).filter(([name]) => target !== 'ALTER SYSTEM' || !notWhole.includes(name));
  return possible.map(([name, value]) => {
    const list = name === 'search_path' ? value : `'${value}'`;
    return `${target} SET ${name} = ${list}`;
  });
}

function logOf(node: TestNode): string {
  const { logDirectory } = node.configuration.paths;
  return readdirSync(logDirectory)
    .filter((name) => name.endsWith('.json'))
    .map((name) => readFileSync(join(logDirectory, name), 'utf8'))
    .join('');
}

async function worksAsBefore(node: TestNode): Promise<void> {
  const { server } = node;
  const report = await pollUntil(
    async () => {
      const seen = await server.report();
      return seen.databaseBytes === null ? undefined : seen;
    },
    { timeoutMs: 15_000, intervalMs: 20, what: 'a full report' },
  );
  expect(report.state).toBe('primary');
  expect(Math.abs(Date.now() - Date.parse(report.startedAt!))).toBeLessThan(600_000);
  expect(await server.applySettings({ checkpoint_timeout: '6min' })).toEqual({ pendingRestart: [] });
  expect((await server.settings()).find((one) => one.name === 'checkpoint_timeout')?.value).toBe('360');
  const sessions = await server.sessions();
  for (const session of sessions) expect(Number.isNaN(Date.parse(session.startedAt ?? ''))).toBe(false);
  const slot = await server.createSlot({
    name: 'feed',
    type: 'logical',
    plugin: 'test_decoding',
    database: 'app',
    failover: true,
    twoPhase: false,
  });
  expect(slot).toMatchObject({ name: 'feed', failover: true });
  expect(await server.dropSlot('feed')).toBe(true);
}

describe('settings that others make', () => {
  it('of the login role and of the databases do not reach our sessions', async () => {
    const node = await fixture.primary('pins-1');
    await asSuperuser(node, [
      ...set('ALTER ROLE rustydb'),
      ...set('ALTER DATABASE postgres'),
      ...set('ALTER DATABASE app'),
      ...set('ALTER ROLE rustydb IN DATABASE app'),
    ]);
    const again = fixture.attach(node.configuration);
    await again.adopt();
    await worksAsBefore({ ...node, server: again });
  });

  it('of the whole server do not reach our sessions, and our statements do not fill its log', async () => {
    const node = await fixture.primary('pins-2');
    await asSuperuser(node, [...set('ALTER SYSTEM'), 'SELECT pg_reload_conf()']);
    const again = fixture.attach(node.configuration);
    await again.adopt();
    await worksAsBefore({ ...node, server: again });
    const probe = localClient({ ...endpointOf(node), settings: { log_statement: 'all' } });
    await probe.connect();
    await probe.query("SELECT 'the log is written'");
    await probe.end();
    await pollUntil(() => (logOf(node).includes('the log is written') ? true : undefined), {
      timeoutMs: 15_000,
      intervalMs: 20,
      what: 'the log is written',
    });
    expect(logOf(node)).not.toContain('pg_stat_replication');
  });

  it('of a login trigger and a role do not run in our sessions', async () => {
    const node = await fixture.primary('pins-3');
    for (const database of ['postgres', 'app'])
      await asSuperuser(
        node,
        [
          `CREATE FUNCTION public.at_login() RETURNS event_trigger LANGUAGE plpgsql AS
             $$ BEGIN IF session_user = 'rustydb' THEN RAISE 'not you'; END IF; END $$`,
          'CREATE EVENT TRIGGER at_login ON login EXECUTE FUNCTION public.at_login()',
          'ALTER EVENT TRIGGER at_login ENABLE ALWAYS',
        ],
        database,
      );
    await asSuperuser(node, ['ALTER ROLE rustydb SET role = app']);
    const again = fixture.attach(node.configuration);
    await again.adopt();
    await worksAsBefore({ ...node, server: again });
  });

  it('a function of a database’s owner is not run when a slot is made there', async () => {
    const node = await fixture.primary('pins-4');
    const owner = await fixture.client(node);
    for (const types of ['text, text, boolean, boolean, boolean', 'text, text, text, boolean, boolean'])
      await owner.query(
        `CREATE FUNCTION public.pg_create_logical_replication_slot(${types}, OUT slot_name name, OUT lsn pg_lsn) LANGUAGE plpgsql AS
           $$ BEGIN IF current_setting('is_superuser') = 'on' THEN ALTER ROLE app SUPERUSER; END IF; END $$`,
      );
    await owner.query(
      'CREATE FUNCTION public.pg_log_standby_snapshot() RETURNS pg_lsn LANGUAGE plpgsql AS $$ BEGIN IF current_setting($x$is_superuser$x$) = $x$on$x$ THEN ALTER ROLE app SUPERUSER; END IF; RETURN NULL; END $$',
    );
    await worksAsBefore(node);
    const { rows } = await owner.query(`SELECT rolsuper FROM pg_roles WHERE rolname = 'app'`);
    expect(rows).toEqual([{ rolsuper: false }]);
    await owner.end();
  });
});
