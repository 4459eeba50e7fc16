/** What must stand on disk before a server starts in a role: directories, passfile, configuration, standby.signal. */
import { readdir } from 'node:fs/promises';
import { join } from 'node:path';
import { exists, replaceFile } from '../kernel/durable-file';
import { ClusterError } from '../kernel/errors';
import { ensureDirectory, inDirectory, isLeftAside, removeName } from '../kernel/foreign-files';
import type { ControlData, PostgresConfiguration, PostgresServer, StartOptions } from './api';
import { editAutoConf, readAutoConf } from './auto-conf';
import { writeConfiguration } from './initdb';
import { pinnedSettings, withoutLockouts } from './pinned-settings';
import { nothingRunsIn } from './processes';
import type { Settings } from './runtime-settings';
import { closedStandbyNames, managedSettings, primaryConninfo, replicationUser, superuser } from './settings';
import { standbyFloors } from './standby-floor';
import { removeDanglingMarks } from './timeline-reservations';

/** Directories of the node, owned as needed, and the passfile of the replication login. */
export async function prepareDirectories(configuration: PostgresConfiguration): Promise<{ passfile: string }> {
  const { paths, runAs, passwords } = configuration;
  await ensureDirectory(paths.nodeDirectory, 0o755, null);
  await ensureDirectory(paths.socketDirectory, 0o700, runAs);
  await ensureDirectory(paths.logDirectory, 0o700, runAs);
  const passfile = join(paths.nodeDirectory, 'replication.pgpass');
  const password = passwords.replication.replaceAll('\\', '\\\\').replaceAll(':', '\\:');
  await replaceFile(passfile, `*:*:*:${replicationUser}:${password}\n`, runAs);
  return { passfile };
}

/**
 * Answers with what has to stand on the command line. The floors do: there they win over what is configured and leave it as it is, for the start
 * after the primary has lowered its own.
 */
export type PreparedStart = {
  /** For the postmaster's command line. */
  readonly arguments: readonly string[];
  /** The list that its backends go by from their first commit on. */
  readonly synchronousStandbyNames: string;
  /** What a standby follows from its start; null: nothing. */
  readonly source: { readonly conninfo: string; readonly slot: string } | null;
};

export async function prepareStart(
  configuration: PostgresConfiguration,
  role: 'primary' | 'standby',
  options: StartOptions,
): Promise<PreparedStart> {
  const { dataDirectory } = configuration.paths;
  const signal = join(dataDirectory, 'standby.signal');
  if (role === 'primary' && ((await exists(signal)) || (await exists(join(dataDirectory, 'recovery.signal'))))) {
    throw new ClusterError(
      'CONFLICT',
      'this data directory is a standby’s (standby.signal): started as a primary it would write a second history on the same timeline; promote it instead',
    );
  }
  const { passfile } = await prepareDirectories(configuration);
  await removeStaleLocks(configuration);
  await removeLeftAside(dataDirectory);
  await writeConfiguration(configuration, dataDirectory, options.members);
  const pinned = asArguments(pinnedSettings(configuration));
  if (role === 'primary') {
    // The synchronous standbys stay: a primary that comes back waits for the same members as before.
    const changes = {
      ...options.settings,
      primary_conninfo: null,
      primary_slot_name: null,
      ...(await mended(dataDirectory)),
    };
    const settings = await editAutoConf(dataDirectory, changes, configuration.runAs);
    return {
      arguments: pinned,
      synchronousStandbyNames: settings.get('synchronous_standby_names') ?? '',
      source: null,
    };
  }
  await replaceFile(signal, '', configuration.runAs);
  await removeDanglingMarks(dataDirectory);
  const how = { tagged: options.tagged === true, direct: configuration.serviceFile !== undefined };
  const conninfo = options.follow === false ? '' : primaryConninfo(configuration, passfile, how);
  const names = options.commitsWait === true ? closedStandbyNames : '';
  const changes = {
    ...options.settings,
    primary_conninfo: conninfo,
    primary_slot_name: options.slot ?? null,
    synchronous_standby_names: names,
    synchronized_standby_slots: null,
    sync_replication_slots: 'off',
    wal_retrieve_retry_interval: null,
    ...(await mended(dataDirectory)),
  };
  const configured = {
    ...managedSettings(configuration, options.members),
    ...(await autoConfWith(dataDirectory, changes)),
  };
  const floors = await standbyFloors(dataDirectory, configured, options.primaryParameters);
  await editAutoConf(dataDirectory, changes, configuration.runAs);
  const source = conninfo !== '' && options.slot ? { conninfo, slot: options.slot } : null;
  return { arguments: [...pinned, ...asArguments(floors)], synchronousStandbyNames: names, source };
}

function asArguments(settings: Readonly<Record<string, string>>): string[] {
  return Object.entries(settings).flatMap(([name, value]) => ['-c', `${name}=${value}`]);
}

/** Of a running server whose files somebody damaged: lines that nobody can read keep it from taking any change. It has to be told to read them again. */
export async function repairConfiguration(
  configuration: PostgresConfiguration,
  members: number,
  refused: readonly string[],
): Promise<void> {
  const { dataDirectory } = configuration.paths;
  await writeConfiguration(configuration, dataDirectory, members);
  await editAutoConf(dataDirectory, Object.fromEntries(refused.map((name) => [name, null])), configuration.runAs);
}

/** What postgresql.auto.conf says after these changes. */
async function autoConfWith(dataDirectory: string, changes: Settings): Promise<Record<string, string>> {
  const settings = await readAutoConf(dataDirectory);
  for (const [name, value] of Object.entries(changes)) {
    if (value === null) settings.delete(name);
    else settings.set(name, value);
  }
  return Object.fromEntries(settings);
}

/**
 * `archive_mode` without an archiver keeps all WAL until the disk is full, also what a group was once told to do: such a server starts with it off.
 * Whoever set an archiver by hand (ALTER SYSTEM) keeps it. Nor does a server start with a time-out that ends every session, ours too.
 */
async function mended(dataDirectory: string): Promise<Settings> {
  const set = await readAutoConf(dataDirectory);
  const hasArchiver = ['archive_command', 'archive_library'].some((name) => (set.get(name) ?? '') !== '');
  return { ...withoutLockouts(set), ...(hasArchiver ? {} : { archive_mode: null }) };
}

/**
 * A killed postmaster that nobody has reaped yet (PID 1 of a container may take seconds) still looks alive to PostgreSQL's own lock files.
 * We know better: no process works in the data directory. Elsewhere than on Linux we don't, and PostgreSQL decides.
 */
async function removeStaleLocks(configuration: PostgresConfiguration): Promise<void> {
  const { dataDirectory, socketDirectory } = configuration.paths;
  if (process.platform !== 'linux' || !nothingRunsIn(dataDirectory)) return;
  await removeName(join(dataDirectory, 'postmaster.pid'));
  const owner = configuration.runAs ?? { uid: process.getuid!() };
  await inDirectory(socketDirectory, owner, (at) => removeName(join(at, `.s.PGSQL.${configuration.port}.lock`)));
}

/** Files that were being replaced when somebody died. */
async function removeLeftAside(dataDirectory: string): Promise<void> {
  for (const name of await readdir(dataDirectory)) if (isLeftAside(name)) await removeName(join(dataDirectory, name));
}

/**
 * A start that nobody but this agent can reach: an old primary on its old port feeds divergent WAL to standbys that still ask for it.
 * `max_wal_senders = 0` is no way to keep them out (a standby refuses to start with less than its primary had), an access rule is.
 */
export async function privateStartArguments(configuration: PostgresConfiguration): Promise<string[]> {
  const rules = join(configuration.paths.nodeDirectory, 'private_hba.conf');
  await replaceFile(rules, `local all ${superuser} scram-sha-256\nlocal replication all reject\n`, configuration.runAs);
  const overrides = { listen_addresses: '', hba_file: rules, primary_conninfo: '', sync_replication_slots: 'off' };
  return asArguments(overrides);
}

/** @throws ClusterError CONFLICT: something still runs there, or there is nothing to start. */
export async function controlToStartFrom(
  dataDirectory: string,
  nothingRuns: boolean,
  inspect: PostgresServer['inspect'],
): Promise<ControlData> {
  if (!nothingRuns)
    throw new ClusterError(
      'CONFLICT',
      'processes of an earlier PostgreSQL server are still alive in the data directory',
    );
  const found = await inspect();
  if (found.kind === 'absent')
    throw new ClusterError('CONFLICT', `${dataDirectory} does not exist: bootstrap or clone first`);
  return found.control;
}
