/** PostgreSQL 18 settings that only a restart applies (context `postmaster`), those that standbys must not have lower than the primary, and those that are ours. */
import { limitsFor } from '../../cluster/core/member-limits';

export const restartSettings: ReadonlySet<string> = new Set([
  'archive_mode', 'autovacuum_freeze_max_age', 'autovacuum_multixact_freeze_max_age', 'autovacuum_worker_slots',
  'bonjour', 'bonjour_name', 'cluster_name', 'commit_timestamp_buffers', 'debug_io_direct', 'dynamic_shared_memory_type',
  'event_source', 'huge_page_size', 'huge_pages', 'io_max_combine_limit', 'io_max_concurrency', 'io_method',
  'jit_provider', 'logging_collector', 'max_active_replication_origins', 'max_connections', 'max_files_per_process',
  'max_locks_per_transaction', 'max_logical_replication_workers', 'max_notify_queue_pages',
  'max_pred_locks_per_transaction', 'max_prepared_transactions', 'max_replication_slots', 'max_wal_senders',
  'max_worker_processes', 'min_dynamic_shared_memory', 'multixact_member_buffers', 'multixact_offset_buffers',
  'notify_buffers', 'recovery_target_timeline', 'reserved_connections', 'serializable_buffers', 'shared_buffers',
  'shared_memory_type', 'shared_preload_libraries', 'subtransaction_buffers', 'superuser_reserved_connections',
  'track_activity_query_size', 'track_commit_timestamp', 'transaction_buffers', 'wal_buffers', 'wal_decode_buffer_size',
  'wal_level', 'wal_log_hints',
]); // biome-ignore format: a list

/**
 * The engine sets these itself (roles, fencing, streaming, its reading of the log) or builds them from a typed target; an operator's value would break
 * an invariant. Also whatever names files, runs commands or loads code, and what takes protection from data or from the engine's own triggers.
 */
const managedSettings: ReadonlySet<string> = new Set([
  'allow_alter_system', 'allow_in_place_tablespaces', 'allow_system_table_mods', 'archive_cleanup_command', 'archive_command', 'archive_library',
  'bonjour', 'bonjour_name', 'cluster_name', 'config_file', 'data_directory', 'data_sync_retry', 'dynamic_library_path', 'event_source', 'event_triggers',
  'exit_on_error', 'extension_control_path', 'external_pid_file', 'fsync', 'full_page_writes', 'hba_file', 'hot_standby', 'ident_file',
  'idle_replication_slot_timeout', 'ignore_checksum_failure', 'ignore_invalid_pages', 'ignore_system_indexes', 'jit_provider', 'krb_caseins_users', 'krb_server_keyfile', 'lc_messages',
  'listen_addresses', 'local_preload_libraries', 'log_destination', 'log_directory', 'log_file_mode', 'log_filename', 'log_rotation_age',
  'log_rotation_size', 'log_timezone', 'log_truncate_on_rotation', 'logging_collector', 'oauth_validator_libraries', 'password_encryption', 'port',
  'primary_conninfo', 'primary_slot_name', 'promote_trigger_file', 'recovery_end_command', 'recovery_min_apply_delay', 'restart_after_crash',
  'restore_command', 'session_preload_libraries', 'session_replication_role', 'sync_replication_slots', 'synchronized_standby_slots',
  'synchronous_commit', 'synchronous_standby_names', 'wal_receiver_create_temp_slot', 'wal_receiver_status_interval', 'wal_retrieve_retry_interval',
  'zero_damaged_pages',
]); // biome-ignore format: a list
const managedPrefixes = ['recovery_target', 'ssl', 'unix_socket_'];

/**
 * Of an extension: what it runs or loads when it starts (`plperl.on_plperlu_init`, `pltcl.start_proc`, `pljava.libjvm_location`), as the server's own
 * user, and files that it reads or writes.
 */
const ofExtensions =
  /(_init|start_proc(edure)?|_proc|_hook|command|program|script|classpath|vmoptions|librar(y|ies)|location|path|file(name)?|dir(ectory)?|url|host)$/;

export function isManaged(name: string): boolean {
  const [, own] = name.split('.');
  if (own !== undefined) return ofExtensions.test(own);
  return managedSettings.has(name) || managedPrefixes.some((prefix) => name.startsWith(prefix));
}

/** Loads code into the server: an admin's, and only what is installed beside PostgreSQL. */
export const librarySetting = 'shared_preload_libraries';
export const libraryName = /^[A-Za-z0-9_][A-Za-z0-9_-]{0,62}$/;

export const settingName = /^[a-z_][a-z0-9_]{0,62}(\.[a-z_][a-z0-9_]{0,62})?$/;

/**
 * Those that a standby must not have lower than its primary, with the value they have unless an operator set another: lowering one starts at the
 * primary, raising one at the standbys.
 */
export function standbyFloorDefaults(members: number): ReadonlyMap<string, number> {
  const { max_connections, max_wal_senders } = limitsFor(members);
  return new Map([
    ['max_connections', max_connections],
    ['max_worker_processes', 16],
    ['max_wal_senders', max_wal_senders],
    ['max_prepared_transactions', 64],
    ['max_locks_per_transaction', 64],
  ]);
}
