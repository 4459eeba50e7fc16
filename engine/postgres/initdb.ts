/**
 * Makes the first primary of a group: initdb, access rules, logins, database `app`, schema `rustydb`. No password ever stands in an
 * argument, a log or a statement in clear: the server only sees SCRAM verifiers, and only on its standard input.
 */
import { spawn } from 'node:child_process';
import { constants, existsSync } from 'node:fs';
import { open, readdir } from 'node:fs/promises';
import { join } from 'node:path';
import { renameDurably, replaceFile } from '../kernel/durable-file';
import { ClusterError } from '../kernel/errors';
import { ensureDirectory, giveTreeSync, removeName, removeTree } from '../kernel/foreign-files';
import type { PostgresConfiguration } from './api';
import { lookAtDataDirectory } from './control-data';
import { bootstrapUser, type RunAs, serverEnvironment } from './native';
import { appliedStepSql, engineSchema, queryRole, replicationRoleSql } from './own-objects';
import { scramSalt, scramVerifier } from './scram';
import { managedConfigurationFile, postgresqlConf, replicationUser, superuser } from './settings';

/** The superuser exists on the unix socket only; replication logins can stream and look at slots, nothing else over TCP. */
const hbaRules = `# Managed: rewritten before every start.
# type  database     user           address  method
local   all          ${superuser}                 scram-sha-256
local   all          all                     scram-sha-256
host    all          ${superuser}        all      reject
host    replication  ${superuser}        all      reject
host    replication  ${replicationUser}   all      scram-sha-256
# Slot synchronisation asks this database for the slots, with the same login.
host    postgres     ${replicationUser}   all      scram-sha-256
host    all          ${replicationUser}   all      reject
host    all          all            all      scram-sha-256
`;

export async function bootstrapDirectory(configuration: PostgresConfiguration): Promise<void> {
  const { paths, nativeDirectory } = configuration;
  const runAs = bootstrapUser(configuration.runAs);
  if ((await lookAtDataDirectory(paths.dataDirectory)) === 'present') {
    throw new ClusterError(
      'CONFLICT',
      `${paths.dataDirectory} already exists: a database is never created over another`,
    );
  }
  const building = `${paths.dataDirectory}.new`;
  const given = runAs && configuration.runAs && runAs.uid !== configuration.runAs.uid ? configuration.runAs : null;
  // An earlier attempt may have ended while it gave it away: then it has two owners, and neither could remove it all.
  if (given && runAs && existsSync(building)) giveTreeSync(building, runAs.uid, given);
  await removeTree(building);
  await ensureDirectory(building, 0o700, runAs);
  const passwordFile = join(paths.nodeDirectory, 'initdb.pw');
  try {
    await replaceFile(passwordFile, verifierOf(configuration, superuser, configuration.passwords.superuser), runAs);
    await run(
      join(nativeDirectory, 'bin', 'initdb'),
      [
        ['-D', building, '-U', superuser, '-A', 'scram-sha-256', `--pwfile=${passwordFile}`],
        ['--data-checksums', '--encoding=UTF8', '--locale=C', '--no-instructions', '--no-sync'],
      ].flat(),
      runAs,
      null,
    );
  } finally {
    await removeName(passwordFile);
  }
  await writeConfiguration({ ...configuration, runAs }, building);
  await run(...single(nativeDirectory, building, 'postgres'), runAs, clusterSql(configuration));
  await run(...single(nativeDirectory, building, 'app'), runAs, applicationSql);
  if (given && runAs) giveTreeSync(building, runAs.uid, given);
  await syncTree(building);
  await renameDurably(building, paths.dataDirectory);
}

/** postgresql.conf, rustydb.conf, pg_hba.conf: the same for a fresh database and before every start. */
export async function writeConfiguration(
  configuration: PostgresConfiguration,
  dataDirectory: string,
  members = 1,
): Promise<void> {
  const owner = configuration.runAs;
  await replaceFile(join(dataDirectory, 'postgresql.conf'), postgresqlConf, owner);
  await replaceFile(join(dataDirectory, 'rustydb.conf'), managedConfigurationFile(configuration, members), owner);
  await replaceFile(join(dataDirectory, 'pg_hba.conf'), hbaRules, owner);
}

function verifierOf(configuration: PostgresConfiguration, role: string, password: string): string {
  return scramVerifier(password, scramSalt(configuration.passwords.superuser, role));
}

function clusterSql(configuration: PostgresConfiguration): string {
  const { passwords } = configuration;
  const login = (role: string, password: string, rights: string) =>
    `CREATE ROLE ${role} LOGIN NOSUPERUSER NOCREATEDB NOCREATEROLE ${rights} PASSWORD '${verifierOf(configuration, role, password)}';`;
  return statements([
    login(replicationUser, passwords.replication, 'REPLICATION'),
    login('rustydb_monitor', passwords.monitor, 'NOREPLICATION'),
    `CREATE ROLE ${queryRole} NOLOGIN NOSUPERUSER NOCREATEDB NOCREATEROLE NOREPLICATION;`,
    login('app', passwords.app, 'NOREPLICATION'),
    'CREATE ROLE rustydb_apply NOLOGIN NOSUPERUSER;',
    'CREATE ROLE rustydb_rac NOLOGIN NOSUPERUSER;',
    'GRANT pg_monitor TO rustydb_monitor;',
    'ALTER ROLE rustydb_query SET default_transaction_read_only = on;',
    ...replicationRoleSql,
    'CREATE DATABASE app OWNER app;',
    'REVOKE CONNECT, TEMPORARY ON DATABASE postgres FROM PUBLIC;',
    `GRANT CONNECT ON DATABASE postgres TO ${replicationUser}, rustydb_monitor;`,
  ]);
}

const applicationSql = statements([
  'ALTER SCHEMA public OWNER TO app;',
  `CREATE SCHEMA ${engineSchema};`,
  appliedStepSql,
  'GRANT USAGE ON SCHEMA public TO rustydb_query;',
  'ALTER DEFAULT PRIVILEGES FOR ROLE app GRANT SELECT ON TABLES TO rustydb_query;',
  'ALTER DEFAULT PRIVILEGES FOR ROLE app GRANT USAGE ON SCHEMAS TO rustydb_query;',
]);

/** Single-user mode ends a statement at an empty line (-j). */
function statements(list: readonly string[]): string {
  return `${list.map((statement) => statement.replaceAll(/\n\s*\n/g, '\n')).join('\n\n')}\n\n`;
}

function single(nativeDirectory: string, dataDirectory: string, database: string): [string, string[]] {
  const overrides = [
    'logging_collector=off',
    'log_destination=stderr',
    'exit_on_error=on',
    'log_min_error_statement=panic',
    'fsync=off',
  ];
  const args = overrides.flatMap((override) => ['-c', override]);
  return [join(nativeDirectory, 'bin', 'postgres'), ['--single', '-j', '-D', dataDirectory, ...args, database]];
}

/** Runs a PostgreSQL program to its end as the right user; CONFLICT with the last of what it said when it fails. */
async function run(command: string, args: readonly string[], runAs: RunAs | null, input: string | null): Promise<void> {
  const child = spawn(command, [...args], {
    ...(runAs ? { uid: runAs.uid, gid: runAs.gid } : {}),
    cwd: '/',
    env: serverEnvironment(),
    stdio: ['pipe', 'pipe', 'pipe'],
  });
  let said = '';
  const listen = (chunk: Buffer) => {
    said = (said + chunk.toString()).slice(-8000);
  };
  child.stdout.on('data', listen);
  child.stderr.on('data', listen);
  child.stdin.on('error', () => undefined);
  child.stdin.end(input ?? '');
  const code = await new Promise<number | null>((resolve, reject) => {
    child.once('error', reject);
    child.once('close', resolve);
  });
  if (code === 0) return;
  const words = said
    .split('\n')
    .filter((line) => !/STATEMENT|PASSWORD|SCRAM/.test(line))
    .slice(-8)
    .join('\n')
    .trim();
  throw new ClusterError('UNAVAILABLE', `${command} failed (exit ${code}): ${words}`);
}

/** Everything below `directory` is on disk afterwards: one syncfs where there is one, file by file elsewhere. */
export async function syncTree(directory: string): Promise<void> {
  const child = spawn('sync', ['-f', directory], { stdio: 'ignore' });
  const code = await new Promise<number | null>((resolve) => {
    child.once('error', () => resolve(null));
    child.once('close', resolve);
  });
  if (code !== 0) await syncEachFile(directory);
}

async function syncEachFile(directory: string): Promise<void> {
  for (const entry of await readdir(directory, { recursive: true, withFileTypes: true })) {
    if (!entry.isFile() && !entry.isDirectory()) continue;
    const file = await open(join(entry.parentPath, entry.name), constants.O_NOFOLLOW | constants.O_NONBLOCK);
    await file.sync().finally(() => file.close());
  }
}
