/** What the engine has inside databases: out of a DBA's way, out of the log, and not locked out. */
import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import pg from 'pg';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { pollUntil } from '../kernel/async';
import { PgFixture, type TestNode } from '../testing/pg-fixture';
import { withFreshSession } from './connection';

let fixture: PgFixture;
beforeAll(async () => {
  fixture = await PgFixture.create();
});
afterAll(() => fixture.close());

const asSuperuser = <T>(node: TestNode, use: (client: pg.Client) => Promise<T>, database = 'postgres') =>
  withFreshSession(
    {
      socketDirectory: node.configuration.paths.socketDirectory,
      port: node.configuration.port,
      password: node.configuration.passwords.superuser,
      database,
      purpose: 'test',
    },
    use,
  );

/** As somebody signs in by hand, with PostgreSQL's own search path. */
async function dba(node: TestNode, database = 'app'): Promise<pg.Client> {
  const client = new pg.Client({
    host: node.configuration.paths.socketDirectory,
    port: node.configuration.port,
    user: 'rustydb',
    password: node.configuration.passwords.superuser,
    database,
  });
  client.on('error', () => undefined);
  await client.connect();
  return client;
}

const schemaOf = async (client: pg.Client, table: string) => {
  const sql = 'SELECT relnamespace::regnamespace::text AS schema FROM pg_class WHERE relname = $1';
  return (await client.query<{ schema: string }>(sql, [table])).rows[0]?.schema;
};

/** What releases up to 0.1 made. */
const asBefore = (node: TestNode) =>
  asSuperuser(
    node,
    async (client) => {
      await client.query('CREATE SCHEMA rustydb');
      await client.query('ALTER TABLE rustydb_engine.applied_step SET SCHEMA rustydb');
      await client.query("INSERT INTO rustydb.applied_step VALUES ('op-1', 1, '{}')");
      await client.query('DROP SCHEMA rustydb_engine');
    },
    'app',
  );

describe('the engine’s schema', () => {
  it('is not where an unqualified CREATE TABLE of the superuser lands', async () => {
    const node = await fixture.primary('schema-new');
    const client = await dba(node);
    await client.query('CREATE TABLE orders (n int)');
    expect(await schemaOf(client, 'orders')).toBe('public');
    await client.end();
    expect(await node.server.keepOwnObjects()).toEqual([]);
  });

  it('of an earlier release moves with its rows, once', async () => {
    const node = await fixture.primary('schema-old');
    await asBefore(node);
    expect(await node.server.keepOwnObjects()).toEqual(['schema rustydb is rustydb_engine now']);
    expect(await node.server.keepOwnObjects()).toEqual([]);
    const client = await dba(node);
    expect((await client.query('SELECT operation FROM rustydb_engine.applied_step')).rows).toEqual([
      { operation: 'op-1' },
    ]);
    await client.query('CREATE TABLE orders (n int)');
    expect(await schemaOf(client, 'orders')).toBe('public');
    await client.end();
  });

  it('leaves what others made in the former one where they find it', async () => {
    const node = await fixture.primary('schema-mixed');
    await asBefore(node);
    const client = await dba(node);
    await client.query('CREATE TABLE orders (n int)');
    expect(await schemaOf(client, 'orders')).toBe('rustydb');
    expect(await node.server.keepOwnObjects()).toEqual([expect.stringMatching(/schema rustydb stays/)]);
    expect(await node.server.keepOwnObjects()).toEqual([]);
    expect((await client.query('SELECT * FROM orders')).rows).toEqual([]);
    await client.end();
  });
});

function linesOf(node: TestNode): readonly { user?: string; application_name?: string; message: string }[] {
  const { logDirectory } = node.configuration.paths;
  return readdirSync(logDirectory)
    .filter((name) => name.endsWith('.json'))
    .flatMap((name) => readFileSync(join(logDirectory, name), 'utf8').split('\n'))
    .filter((line) => line.startsWith('{') && line.endsWith('}'))
    .map((line) => JSON.parse(line));
}

const copyingSql = "SELECT FROM pg_stat_activity WHERE usename = 'rustydb_repl' AND backend_type = 'client backend'";

describe('the replication login', () => {
  it('and the agent write nothing into a log that has every statement, replication command and disconnection', async () => {
    const primary = await fixture.primary('log-1');
    const standby = await fixture.standby('log-2', primary);
    await primary.server.keepSlots(['log-2'], {});
    await asSuperuser(primary, async (client) => {
      for (const setting of [
        "log_statement = 'all'",
        'log_duration = on',
        'log_replication_commands = on',
        'log_disconnections = on',
      ])
        await client.query(`ALTER SYSTEM SET ${setting}`);
      await client.query('SELECT pg_reload_conf()');
    });
    const app = await fixture.client(primary);
    await app.query("SELECT 'the log is written'");
    // The standby copies slots, by SQL in a session of its own, and streams anew.
    await standby.server.applySettings({ sync_replication_slots: 'on' });
    const slotSync = () => asSuperuser(primary, (client) => client.query(copyingSql));
    await pollUntil(async () => ((await slotSync()).rowCount === 1 ? true : undefined), {
      timeoutMs: 20_000,
      intervalMs: 50,
      what: 'the standby copies slots',
    });
    await asSuperuser(standby, (client) =>
      client.query("SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE backend_type = 'walreceiver'"),
    );
    for (let look = 0; look < 20; look++) await primary.server.report();
    await primary.server.slots();
    await primary.server.keepOwnObjects();
    await pollUntil(async () => ((await primary.server.report()).senders.length === 1 ? true : undefined), {
      timeoutMs: 20_000,
      intervalMs: 50,
      what: 'it streams again',
    });
    await app.query("SELECT 'the last line'");
    const lines = await pollUntil(
      () => {
        const all = linesOf(primary);
        return all.some((line) => line.message.includes('the last line')) ? all : undefined;
      },
      { timeoutMs: 20_000, intervalMs: 50, what: 'the log is written' },
    );
    await app.end();
    const from = lines.findIndex((line) => line.message.includes('the log is written'));
    const ours = lines.slice(from).filter((line) => line.user === 'rustydb' || line.user === 'rustydb_repl');
    expect(ours.filter((line) => /statement|duration|execute|replication command/.test(line.message))).toEqual([]);
    // What ends a session of the replication login is said once, by PostgreSQL itself: a login that is no superuser can't keep it out of the log.
    expect(ours.filter((line) => line.user === 'rustydb')).toEqual([]);
  });

  it('follows whatever time-outs others gave it, its databases or the server', async () => {
    const primary = await fixture.primary('timeouts-1');
    const hostile = [
      'statement_timeout',
      'idle_session_timeout',
      'lock_timeout',
      'idle_in_transaction_session_timeout',
    ];
    await asSuperuser(primary, async (client) => {
      for (const name of hostile) {
        await client.query(`ALTER SYSTEM SET ${name} = '1ms'`);
        for (const target of ['ROLE rustydb_repl', 'DATABASE postgres', 'ROLE rustydb_repl IN DATABASE postgres'])
          await client.query(`ALTER ${target} SET ${name} = '1ms'`);
      }
      await client.query('SELECT pg_reload_conf()');
    });
    const standby = await fixture.standby('timeouts-2', primary);
    await primary.server.keepSlots(['timeouts-2'], {});
    await standby.server.applySettings({ sync_replication_slots: 'on' });
    const sessions = () =>
      asSuperuser(primary, async (client) => {
        const { rows } = await client.query(
          "SELECT pid, backend_type AS kind FROM pg_stat_activity WHERE usename = 'rustydb_repl' ORDER BY kind",
        );
        return rows as { pid: number; kind: string }[];
      });
    const before = await pollUntil(
      async () => {
        const now = await sessions();
        return now.length === 2 ? now : undefined;
      },
      { timeoutMs: 20_000, intervalMs: 50, what: 'the standby streams and copies slots' },
    );
    expect(before.map((one) => one.kind)).toEqual(['client backend', 'walsender']);
    for (let n = 0; n < 5; n++) await standby.server.waitForReplay(await primary.server.switchWal(), 10_000);
    // The same sessions: none was ended and made again.
    expect(await sessions()).toEqual(before);
  });

  it('finds room when clients have taken all connections, and so does the agent', async () => {
    const primary = await fixture.primary('full');
    const clients: pg.Client[] = [];
    const connect = (user: string, password: string, database: string) =>
      fixture.client(primary, { user, password, database });
    let refused: Error | null = null;
    while (refused === null) {
      const more = await Promise.allSettled(Array.from({ length: 20 }, () => fixture.client(primary)));
      for (const one of more) {
        if (one.status === 'fulfilled') clients.push(one.value);
        else refused = one.reason as Error;
      }
    }
    expect(refused.message).toMatch(/remaining connection slots are reserved/);
    const { replication } = primary.configuration.passwords;
    const copying = await connect('rustydb_repl', replication, 'postgres');
    expect((await primary.server.report()).state).toBe('primary');
    await asSuperuser(primary, (client) => client.query('SELECT 1'));
    const standby = await fixture.standby('full-standby', primary);
    await standby.server.waitForReplay(await primary.server.currentLsn(), 10_000);
    await copying.end();
    await Promise.all(clients.map((client) => client.end()));
  });
});

it('settings that others give roles are reported: of the engine’s logins all but its own, of any role and database a lower synchronous_commit', async () => {
  const node = await fixture.primary('role-settings');
  const full = () =>
    pollUntil(
      async () => {
        const seen = await node.server.report();
        return seen.databaseBytes === null ? undefined : seen;
      },
      { timeoutMs: 20_000, intervalMs: 50, what: 'a full report' },
    );
  expect(await full()).toMatchObject({ engineRoleSettings: [], lowerCommits: [] });
  await asSuperuser(node, async (client) => {
    await client.query("ALTER ROLE rustydb_repl SET statement_timeout = '1ms'");
    await client.query("ALTER ROLE rustydb_monitor IN DATABASE app SET search_path = 'elsewhere'");
    await client.query("ALTER ROLE rustydb_query SET default_transaction_read_only = 'off'");
    await client.query("ALTER ROLE app SET work_mem = '1MB'");
    await client.query("ALTER ROLE app SET synchronous_commit = 'local'");
    await client.query("ALTER DATABASE app SET synchronous_commit = 'off'");
    await client.query("ALTER ROLE app IN DATABASE app SET synchronous_commit = 'remote_apply'");
  });
  const again = fixture.attach(node.configuration);
  await again.adopt();
  const seen = await pollUntil(
    async () => {
      const report = await again.report();
      return report.databaseBytes === null ? undefined : report;
    },
    { timeoutMs: 20_000, intervalMs: 50, what: 'a full report of another agent' },
  );
  expect([...seen.engineRoleSettings!].sort()).toEqual([
    'rustydb_monitor in database app: search_path=elsewhere',
    'rustydb_query: default_transaction_read_only=off',
    'rustydb_repl: statement_timeout=1ms',
  ]);
  expect([...seen.lowerCommits!].sort()).toEqual([
    'database app: synchronous_commit=off',
    'role app: synchronous_commit=local',
  ]);
});

it('nobody signs in as rustydb_query, whose transactions any statement could make writable; also where an earlier release let it', async () => {
  const node = await fixture.primary('reader');
  const { query: password } = node.configuration.passwords;
  const signIn = () => fixture.client(node, { user: 'rustydb_query', password });
  await expect(signIn()).rejects.toMatchObject({ code: expect.stringMatching(/^28/) });
  await asSuperuser(node, async (client) => {
    await client.query(`ALTER ROLE rustydb_query LOGIN PASSWORD '${password}'`);
  });
  const reader = await signIn();
  const ended = new Promise((resolve) => reader.once('error', resolve));
  await reader.query('SET default_transaction_read_only = off');
  await reader.query('CREATE TEMPORARY TABLE written (a int)');
  expect(await node.server.keepOwnObjects()).toEqual(["rustydb_query can't sign in"]);
  await ended;
  await expect(signIn()).rejects.toMatchObject({ code: expect.stringMatching(/^28/) });
  expect(await node.server.keepOwnObjects()).toEqual([]);
});
