/** Role `app`, or whoever owns a database: SQL, through the router as applications come. */
import { lstatSync, readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import type { ClientConfig } from 'pg';
import { defaultLogBytes } from '../../cluster/core/log-limits';
import { pollUntil } from '../../kernel/async';
import { query } from '../member-check';
import { asSuperuser } from '../superuser';
import {
  type Attempt,
  allOf,
  attempt,
  call,
  held,
  noRight,
  settled,
  sqlAnswer,
  type Target,
  told,
  withKey,
} from './attack';
import { secretsOf } from './installation';
import { epochOf } from './stranger';

const actor = 'role app';
const login = ({ cluster, group }: Target) => cluster.service(`${group}-rw`);

async function refused(
  target: Target,
  statements: readonly string[],
  expected: readonly string[] = noRight,
): Promise<string> {
  const as = await login(target);
  const seen = await Promise.all(statements.map(async (sql) => [sql, await sqlAnswer(as, sql)] as const));
  return allOf(seen, expected);
}

function logLimitOf({ cluster }: Target, node: string): number {
  const configuration = readFileSync(join(cluster.dataDirectory, 'run', `${node}.json`), 'utf8');
  return (JSON.parse(configuration) as { logBytes?: number }).logBytes ?? defaultLogBytes;
}

function bytesIn(directory: string): number {
  const files = readdirSync(directory).map((name) => lstatSync(join(directory, name), { throwIfNoEntry: false }));
  return files.reduce((sum, found) => sum + (found?.isFile() ? found.blocks * 512 : 0), 0);
}

/** Overloads that fit better than PostgreSQL's own, in a schema of `app`; whoever runs one as superuser gives it away. */
const overloads = `
create table if not exists public.attack_ran (what text, who text);
create or replace function public.attack_note(what text) returns void language plpgsql as $$
begin
  insert into public.attack_ran values (what, session_user);
  if current_setting('is_superuser') = 'on' then execute 'alter role app superuser'; end if;
end $$;
create or replace function public.pg_create_logical_replication_slot(n text, p text, t boolean, tp boolean, fo boolean, out slot_name name, out lsn pg_lsn)
  language plpgsql as $$ begin perform public.attack_note('slot'); select s.slot_name, s.lsn into slot_name, lsn
  from pg_catalog.pg_create_logical_replication_slot(n::name, p::name, t, tp, fo) s; end $$;
create or replace function public.pg_is_in_recovery(a int default 1) returns boolean language plpgsql as $$ begin perform public.attack_note('recovery'); return false; end $$;
create or replace function public.pg_current_wal_lsn(a int default 1) returns pg_lsn language plpgsql as $$ begin perform public.attack_note('lsn'); return '0/0'; end $$;
create or replace function public.attack_equal(a text, b text) returns boolean language plpgsql as $$ begin perform public.attack_note('='); return true; end $$;
create operator public.= (leftarg = text, rightarg = text, function = public.attack_equal);
create or replace view public.pg_stat_activity as select public.attack_note('view')::text as x;
alter database app set search_path = public, pg_catalog;
`;
const takenBack = `
alter database app reset search_path;
drop operator if exists public.= (text, text);
drop function if exists public.attack_equal(text, text);
drop view if exists public.pg_stat_activity;
drop function if exists public.pg_create_logical_replication_slot(text, text, boolean, boolean, boolean);
drop function if exists public.pg_is_in_recovery(int);
drop function if exists public.pg_current_wal_lsn(int);
drop function if exists public.attack_note(text);
drop table if exists public.attack_ran;
`;

export const applicationAttacks: readonly Attempt[] = [
  attempt(actor, 'superuser', 'asking PostgreSQL for more rights', (target) =>
    refused(target, [
      'alter role app superuser',
      'alter role app replication',
      'create role attacker superuser login',
      'set role rustydb',
      'set session authorization rustydb',
      'grant pg_execute_server_program to app',
      'grant pg_read_all_data to app',
      'grant rustydb to app',
      'alter system set session_preload_libraries = evil',
      "load '/tmp/evil.so'",
      "create function attack_c() returns int language c as '/tmp/evil.so', 'f'",
      'create extension plpython3u',
      'create extension dblink',
      'create extension postgres_fdw',
      'create extension file_fdw',
      'create event trigger attack on ddl_command_start execute function pg_catalog.now()',
    ]),
  ),
  attempt(
    actor,
    'superuser',
    'overloads, an operator, a view and a search path, while an operator makes a slot and the agents look',
    async (target) => {
      const as = await login(target);
      const planted = await sqlAnswer(as, overloads);
      if (planted !== 'allowed') return `could not be tried: ${planted}`;
      const key = withKey(await target.key('operator'));
      const slot = {
        slot_name: 'attack',
        slot_type: 'logical',
        plugin: 'pgoutput',
        database: 'app',
        group: target.group,
      };
      try {
        const made = await call(target, '/api/v1/replication/slots', { method: 'POST', body: slot, headers: key });
        if (made.status !== 201) return `could not be tried: ${made.text}`;
        await call(target, `/api/v1/cluster/nodes/${await target.cluster.primary(target.group)}/sessions`, {
          headers: key,
        });
        await call(target, `/api/v1/replication/slots/attack?group=${target.group}`, {
          method: 'DELETE',
          headers: key,
        });
        const [row] = await query<{ su: boolean }>(
          as,
          "select rolsuper as su from pg_catalog.pg_roles where rolname operator(pg_catalog.=) 'app'::pg_catalog.name",
        );
        const others = await query<{ who: string }>(
          as,
          "select distinct who::pg_catalog.text from public.attack_ran where who operator(pg_catalog.<>) 'app'",
        );
        if (row!.su) return 'app is superuser';
        return others.length === 0 ? held : `sessions of ${others.map(({ who }) => who).join(', ')} ran its functions`;
      } finally {
        await sqlAnswer(as, takenBack);
      }
    },
  ),
  attempt(actor, 'root', 'files and programs of the host', (target) =>
    refused(target, [
      "copy (select 'x') to '/tmp/attack'",
      "copy (select 'x') to program 'id'",
      "create temp table attack_in (t text); copy attack_in from '/etc/passwd'",
      "select pg_read_file('/etc/passwd')",
      "select pg_read_binary_file('PG_VERSION')",
      "select pg_ls_dir('/')",
      "select lo_import('/etc/passwd')",
      "select lo_export(1, '/tmp/attack')",
      "create tablespace attack location '/tmp'",
      'select pg_reload_conf()',
      'select pg_rotate_logfile()',
    ]),
  ),
  attempt(actor, 'secrets', 'passwords, connection strings and host rules in the catalogs', (target) =>
    refused(target, [
      'select rolpassword from pg_authid',
      'select passwd from pg_shadow',
      'show primary_conninfo',
      'select * from pg_hba_file_rules',
      'select * from pg_file_settings',
      'select subconninfo from pg_subscription',
      'show data_directory',
      'show config_file',
    ]),
  ),
  attempt(
    actor,
    'service',
    '150 MB of log lines: the log takes no more than its limit, and others are served',
    async (target) => {
      const { cluster, group } = target;
      const primary = await cluster.primary(group);
      const as = await login(target);
      const limit = logLimitOf(target, primary);
      const log = join(cluster.nodeDirectory(primary), 'log');
      const seen: [string, string][] = [];
      for (let part = 1; part <= 10; part++) {
        const flood = `do $$ begin for n in 1..1500 loop raise log 'attack % %', n, repeat('x', 10000); end loop; end $$`;
        seen.push(
          [`part ${part}`, await sqlAnswer(as, flood)],
          [`somebody else, ${part}`, await sqlAnswer(as, 'select 1')],
        );
      }
      const flooded = allOf(seen, ['allowed']);
      if (flooded !== held) return flooded;
      const below = () => (bytesIn(log) <= limit ? held : undefined);
      const what = 'the log is below its limit';
      return pollUntil(async () => below(), { what, timeoutMs: 30_000, intervalMs: 100 }).catch(
        () => `the log takes ${bytesIn(log)} bytes, its limit is ${limit}`,
      );
    },
  ),
  attempt(actor, 'secrets', 'what it may read of settings, activity and the engine’s schema', async (target) => {
    const as = await login(target);
    const rows = await Promise.all(
      [
        'select * from pg_settings',
        'select * from pg_stat_activity',
        'select * from pg_stat_replication',
        'select * from pg_stat_wal_receiver',
        'select * from pg_stat_ssl',
        'select * from pg_db_role_setting',
      ].map((sql) => query(as, sql)),
    );
    // Its own password it knows.
    return told(
      JSON.stringify(rows),
      secretsOf(target).filter(([name]) => !/app/.test(name)),
    );
  }),
  attempt(actor, 'control', 'promotion, signals to sessions of the engine, slots and WAL', async (target) => {
    const sessions = await asSuperuser<{ pid: number }>(
      target.cluster,
      await target.cluster.primary(target.group),
      "select pid from pg_catalog.pg_stat_activity where usename like 'rustydb%' and pid <> pg_backend_pid()",
    );
    const signals = sessions.flatMap(({ pid }) => [
      `select pg_terminate_backend(${pid})`,
      `select pg_cancel_backend(${pid})`,
    ]);
    return refused(target, [
      ...signals,
      'select pg_promote()',
      'select pg_switch_wal()',
      'select pg_wal_replay_pause()',
      "select pg_create_restore_point('attack')",
      "select pg_create_physical_replication_slot('attack')",
      'select pg_drop_replication_slot(slot_name) from pg_replication_slots',
      'checkpoint',
      'select pg_backup_start($$attack$$)',
    ]);
  }),
  attempt(actor, 'control', 'the engine’s own schema', async (target) => {
    const tables = await asSuperuser<{ name: string }>(
      target.cluster,
      await target.cluster.primary(target.group),
      "select format('%I.%I', schemaname, tablename) as name from pg_catalog.pg_tables where schemaname like 'rustydb%'",
    );
    const statements = tables.flatMap(({ name }) => [`delete from ${name}`, `drop table ${name}`]);
    return refused(
      target,
      [...statements, 'drop schema rustydb cascade', 'drop event trigger rustydb_tablespaces'],
      [...noRight, '3F000'],
    );
  }),
  attempt(actor, 'writes', 'the commit promise of everybody', (target) =>
    refused(
      target,
      [
        "alter system set synchronous_standby_names = ''",
        'alter system set fsync = off',
        'alter system set synchronous_commit = off',
        'alter role all set synchronous_commit = off',
        "set synchronous_standby_names = ''",
        'set fsync = off',
        'set session_replication_role = replica',
      ],
      [...noRight, '55P02'],
    ),
  ),
  attempt(actor, 'writes', 'standing in for a standby, by its name', async (target) => {
    const primary = await target.cluster.primary(target.group);
    const standby = (await target.cluster.nodes()).find(
      (node) => node.group === target.group && node.node_id !== primary,
    )!.node_id;
    const as = { ...(await login(target)), application_name: standby, replication: 'database' } as ClientConfig;
    return allOf([['replication as app', await sqlAnswer(as, 'IDENTIFY_SYSTEM')]], ['42501', '28000']);
  }),
  attempt(
    actor,
    'service',
    'as many sessions as the server has: the agents and a change of primary go on',
    async (target) => {
      const { default: pg } = await import('pg');
      const as = await login(target);
      const clients = Array.from({ length: 130 }, () => new pg.Client({ ...as, connectionTimeoutMillis: 15_000 }));
      for (const client of clients) client.on('error', () => undefined);
      try {
        await Promise.allSettled(clients.map((client) => client.connect()));
        const plan = await target.cluster.api<{ error: { message: string } | null }>('POST', '/cluster/failover', {
          group: target.group,
          dry_run: true,
        });
        const nodes = await target.cluster.nodes();
        const ill = nodes
          .filter((node) => node.group === target.group && node.status === 'unhealthy')
          .map((node) => node.node_id);
        if (ill.length > 0) return `${ill.join(', ')}: unhealthy`;
        return plan.status === 200 && !plan.body.error
          ? held
          : `no switchover: ${plan.body.error?.message ?? plan.status}`;
      } finally {
        await Promise.allSettled(clients.map((client) => client.end()));
      }
    },
  ),
  attempt(
    actor,
    'service',
    'the whole lock table: it is told, no standby dies of it, and all goes on when it is given back',
    async (target) => {
      const { default: pg } = await import('pg');
      const before = await epochOf(target);
      const client = new pg.Client(await login(target));
      client.on('error', () => undefined);
      await client.connect();
      try {
        for (const [from, to] of [
          [1, 20_000],
          [20_001, 40_000],
          [40_001, 41_000],
        ])
          await client
            .query(`select count(pg_advisory_lock(g)) from generate_series(${from}, ${to}) g`)
            .catch(() => undefined);
        const isTold = async () => {
          const { status, text } = await call(target, '/readyz');
          return status !== 200 || /lock/.test(text) || undefined;
        };
        await pollUntil(isTold, { what: 'readiness tells that nobody gets in', timeoutMs: 60_000, intervalMs: 100 });
      } finally {
        await client.end().catch(() => undefined);
      }
      await settled(target);
      return (await epochOf(target)) === before ? held : 'the primary lost its lease';
    },
  ),
];
