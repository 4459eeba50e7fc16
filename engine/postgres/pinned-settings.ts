/**
 * Settings that a node can't be managed without: where its server listens, reads and logs, and what its protection rests on. They stand on the
 * postmaster's command line, which beats every configuration file. Invariant: whatever is set by ALTER SYSTEM or written into a file, the agent reaches
 * its server, finds its log, and a standby replays to the end. What somebody set all the same is told, so that nobody wonders why it does nothing.
 */
import { leastTimeouts, locksOut } from '../cluster/core/lockouts';
import type { SettingByHand } from '../cluster/model';
import type { PostgresConfiguration } from './api';
import { managedSettings } from './settings';

/** Those of the managed file that a file of others must not change. */
const ofManaged = [
  'listen_addresses',
  'port',
  'unix_socket_directories',
  'unix_socket_permissions',
  'cluster_name',
  'hba_file',
  'hot_standby',
  'recovery_target_timeline',
  'restart_after_crash',
  'fsync',
  'full_page_writes',
  'logging_collector',
  'log_destination',
  'log_directory',
  'log_filename',
  'log_file_mode',
] as const;

/** As PostgreSQL has them when nobody sets them. */
const defaults: Readonly<Record<string, string>> = {
  allow_alter_system: 'on',
  data_sync_retry: 'off',
  exit_on_error: 'off',
  external_pid_file: '',
  unix_socket_group: '',
  // Of slots: the members' own stand still while a member is down, on a standby always.
  idle_replication_slot_timeout: '0',
  recovery_min_apply_delay: '0',
  recovery_target: '',
  recovery_target_lsn: '',
  recovery_target_name: '',
  recovery_target_time: '',
  recovery_target_xid: '',
};

export function pinnedSettings(configuration: PostgresConfiguration): Readonly<Record<string, string>> {
  const managed = managedSettings(configuration);
  return {
    ...Object.fromEntries(ofManaged.map((name) => [name, managed[name]!])),
    ident_file: `${configuration.paths.dataDirectory}/pg_ident.conf`,
    ...defaults,
  };
}

export const pinnedNames: readonly string[] = [...ofManaged, 'ident_file', ...Object.keys(defaults)];

/** "could not be applied" is said of what waits for a restart. */
const notWaiting = `f.error IS NOT NULL AND f.error <> 'setting could not be applied'`;
const quote = (names: readonly string[]) => names.map((name) => `'${name}'`).join(', ');
const quoted = quote(pinnedNames);
const timeouts = quote(Object.keys(leastTimeouts));

/** Of a file that PostgreSQL can't read there is no line about anything else. */
export const settingsByHandSql = `(SELECT coalesce(json_agg(json_build_object(
          'name', f.name, 'value', f.setting, 'file', regexp_replace(f.sourcefile, '^.*/', ''), 'line', f.sourceline,
          'error', CASE WHEN ${notWaiting} THEN f.error END, 'inForce', coalesce(f.name NOT IN (${quoted}) OR s.source = 'configuration file', false)) ORDER BY f.seqno), '[]')
          FROM (SELECT f.* FROM pg_file_settings AS f
                 WHERE ${notWaiting} OR (f.name IN (${quoted}) AND f.sourcefile !~ '/rustydb[.]conf$')
                    OR f.name IN (${timeouts})
                    OR (f.name = 'log_min_messages' AND f.setting ~* '^panic$') ORDER BY f.seqno LIMIT 50) AS f
          LEFT JOIN pg_settings AS s ON s.name = f.name)`;

/** Time-outs of any length are in the answer; only those that lock out matter. */
export function thatMatter(found: readonly SettingByHand[]): readonly SettingByHand[] {
  return found.filter(({ name, value, error }) => error !== null || !isTimeout(name) || locksOut(name, value ?? ''));
}

const isTimeout = (name: string | null): name is string => name !== null && Object.hasOwn(leastTimeouts, name);

/** What must not stand in the file of a server that starts: nobody could sign in and put it back. */
export function withoutLockouts(settings: ReadonlyMap<string, string>): Readonly<Record<string, null>> {
  return Object.fromEntries(
    [...settings].filter(([name, value]) => locksOut(name, value)).map(([name]) => [name, null]),
  );
}
