/**
 * The configuration we manage. `rustydb.conf` is rewritten before every start and holds what belongs to this node and build;
 * postgresql.auto.conf (ALTER SYSTEM) holds what changes while running: role, synchronous standbys, an operator's settings. The latter wins.
 */
import { createHash } from 'node:crypto';
import { keptFree } from '../cluster/core/lockouts';
import { limitsFor } from '../cluster/core/member-limits';
import { closedSet } from '../cluster/core/voter-set';
import type { NodeId } from '../kernel/ids';
import type { PostgresConfiguration } from './api';
import { quoteSetting } from './auto-conf';
import { followerOptions } from './session-options';

/** Physical slot of a member. Node names have no underscore, so the mapping is one to one. */
export function slotName(node: NodeId): string {
  return `rustydb_${node.replaceAll('-', '_')}`;
}

/**
 * What a member calls itself to its primary. PostgreSQL knows an acknowledgement by this name alone, whatever its case and whoever says it: with a tag
 * of the installation no consumer has it by accident. Without a tag (a primary of an earlier release) it is the member's own name.
 */
export function standbyName(node: NodeId, tag: string | null | undefined): string {
  return tag ? `${node}_${tag}` : node;
}

/** Same for all nodes of an installation; short, as a name has at most 63 bytes. */
export function standbyTag(clusterId: string): string {
  return createHash('sha256').update(`standby names of ${clusterId}`).digest('hex').slice(0, 6);
}

export const replicationUser = 'rustydb_repl';
export const superuser = 'rustydb';
/** initdb's superuser has this oid in every cluster, and it is ours. */
export const superuserOid = 10;

/** Which member a walsender is: the right login, its own slot, and its name in one of its two forms, to the letter. */
export function memberOf(
  sender: { readonly slot: string | null; readonly user: string | null; readonly name: string },
  tag: string | null | undefined,
): NodeId | null {
  if (sender.user !== replicationUser || !sender.slot?.startsWith('rustydb_')) return null;
  const node = sender.slot.slice('rustydb_'.length).replaceAll('_', '-');
  return sender.name === node || sender.name === standbyName(node, tag) ? node : null;
}

/** A value for libpq's key=value syntax. */
function conninfoValue(value: string): string {
  return `'${value.replaceAll('\\', '\\\\').replaceAll("'", "\\'")}'`;
}

/** In the file that PGSERVICEFILE of a postmaster names: where its walreceiver finds the primary, read at every connection. */
export const walService = 'rustydb';

/** What the file says; null: nobody. */
export function serviceFileText(address: { readonly host: string; readonly port: number } | null): string {
  return address === null ? '' : `[${walService}]\nhostaddr=${address.host}\nport=${address.port}\n`;
}

/**
 * Straight to the primary that the service file names, where the server reads it; else through the agent's own WAL relay. The password is in a
 * passfile, never here. `dbname` is what slot synchronisation connects to.
 */
export function primaryConninfo(
  configuration: PostgresConfiguration,
  passfile: string,
  how: { readonly tagged: boolean; readonly direct: boolean },
): string {
  const relay: [string, string][] = [
    ['host', '127.0.0.1'],
    ['port', String(configuration.walProxyPort)],
  ];
  const pairs: [string, string][] = [
    ...(how.direct ? [['service', walService] as [string, string]] : relay),
    ['user', replicationUser],
    ['dbname', 'postgres'],
    ['application_name', standbyName(configuration.nodeId, how.tagged ? configuration.standbyTag : null)],
    ['passfile', passfile],
    // Whoever else answers there gets no password.
    ['require_auth', 'scram-sha-256'],
    ['sslmode', 'disable'],
    ['gssencmode', 'disable'],
    ['connect_timeout', '2'],
    // What a role, a database or the whole server set would end or change the sessions by which this member follows.
    ['options', followerOptions],
    ['tcp_user_timeout', '5000'],
    ['keepalives_idle', '2'],
    ['keepalives_interval', '1'],
    ['keepalives_count', '3'],
  ];
  return pairs.map(([key, value]) => `${key}=${conninfoValue(value)}`).join(' ');
}

/** Names quoted; `ANY k (…)`, or nothing for no members. */
export function synchronousStandbyNames(members: readonly string[], k: number): string {
  if (members.length === 0) return '';
  if (k < 1 || k > members.length) throw new RangeError(`k = ${k} of ${members.length} standbys`);
  return `ANY ${k} (${members.map((name) => `"${name.replaceAll('"', '""')}"`).join(',')})`;
}

/** Nobody can be on it: a node's name has no underscore. While PostgreSQL has it, no commit is acknowledged. */
export const closedStandbyNames = synchronousStandbyNames(closedSet.members, closedSet.k);

/** What belongs to one member's role: must never survive into another member's clone or a changed role. */
export const roleSettings = [
  'primary_conninfo',
  'primary_slot_name',
  'synchronous_standby_names',
  'synchronized_standby_slots',
  'sync_replication_slots',
  'wal_retrieve_retry_interval',
] as const;

/** While a standby has had nobody to follow for a while: at 50 ms it would write twenty lines a second into its log. */
export const relaxedRetryInterval = '1s';

/** `members`: of the group. */
export function managedSettings(configuration: PostgresConfiguration, members = 1): Record<string, string> {
  const { paths } = configuration;
  const limits = limitsFor(members);
  return {
    // Identity of this node.
    listen_addresses: configuration.host,
    port: String(configuration.port),
    // A list: the name is quoted, or a comma in a path would split it.
    unix_socket_directories: `"${paths.socketDirectory}"`,
    unix_socket_permissions: '0700',
    cluster_name: configuration.nodeId,
    hba_file: `${paths.dataDirectory}/pg_hba.conf`,

    // Replication. A short retrieve interval is what makes a promotion take 0.1 s instead of 5 s.
    wal_level: 'logical',
    hot_standby: 'on',
    hot_standby_feedback: 'on',
    // A standby's agent switches it on once nothing would be lost by it.
    sync_replication_slots: 'off',
    max_wal_senders: String(limits.max_wal_senders),
    max_replication_slots: String(limits.max_replication_slots),
    max_slot_wal_keep_size: '4GB',
    wal_keep_size: '64MB',
    wal_log_hints: 'on',
    wal_retrieve_retry_interval: '50ms',
    wal_receiver_status_interval: '1s',
    wal_receiver_timeout: '5s',
    wal_sender_timeout: '5s',
    max_standby_streaming_delay: '5s',
    max_standby_archive_delay: '5s',
    recovery_target_timeline: 'latest',
    track_commit_timestamp: 'on',
    max_prepared_transactions: '64',

    // Crashes belong to the agent: it knows whether a lease is held.
    restart_after_crash: 'off',
    fsync: 'on',
    full_page_writes: 'on',
    synchronous_commit: 'on',
    checkpoint_timeout: '5min',
    max_wal_size: '1GB',
    // Crash recovery first syncs everything it finds: one call per file system (40 ms) instead of one per file (2.7 s measured).
    recovery_init_sync_method: 'syncfs',
    min_wal_size: '80MB',

    // Dead clients are noticed in seconds.
    tcp_keepalives_idle: '5',
    tcp_keepalives_interval: '2',
    tcp_keepalives_count: '3',
    tcp_user_timeout: '10000',
    client_connection_check_interval: '2s',
    password_encryption: 'scram-sha-256',
    // Whoever connects and never answers holds one of max_connections that long.
    authentication_timeout: '10s',

    // Small enough that five servers idle on a laptop.
    max_connections: String(limits.max_connections),
    superuser_reserved_connections: String(keptFree.superuser_reserved_connections),
    // For members: slots are copied through an ordinary session.
    reserved_connections: String(keptFree.reserved_connections),
    shared_buffers: '64MB',
    wal_buffers: '4MB',
    work_mem: '4MB',
    max_worker_processes: '16',
    io_method: 'sync',
    jit: 'off',
    bgwriter_delay: '200ms',
    wal_writer_delay: '200ms',
    track_io_timing: 'on',

    // JSON logs; one week by day of week.
    logging_collector: 'on',
    log_destination: 'jsonlog',
    log_directory: paths.logDirectory,
    log_filename: 'postgresql-%a.log',
    log_file_mode: '0600',
    log_truncate_on_rotation: 'on',
    log_rotation_age: '1d',
    log_rotation_size: '0',
    log_checkpoints: 'on',
    log_lock_waits: 'on',
    log_replication_commands: 'off',
    log_parameter_max_length_on_error: '0',
    log_timezone: 'UTC',
    timezone: 'UTC',
  };
}

export function managedConfigurationFile(configuration: PostgresConfiguration, members = 1): string {
  const lines = Object.entries(managedSettings(configuration, members)).map(
    ([name, value]) => `${name} = ${quoteSetting(value)}`,
  );
  return `# Written before every start; changes here are lost. Use ALTER SYSTEM or the console.\n${lines.join('\n')}\n`;
}

/** The whole of postgresql.conf: the managed file first, so that a user's own file can override all but ALTER SYSTEM. */
export const postgresqlConf = "include 'rustydb.conf'\n";
