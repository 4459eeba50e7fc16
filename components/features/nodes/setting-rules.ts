/** Which settings are the cluster's own business: changing them by hand would break replication or fencing. Pure. */

const ours = new Set([
  'primary_conninfo',
  'primary_slot_name',
  'synchronous_standby_names',
  'synchronized_standby_slots',
  'restart_after_crash',
  'hot_standby',
  'hot_standby_feedback',
  'sync_replication_slots',
  'port',
  'listen_addresses',
  'unix_socket_directories',
  'wal_level',
  'wal_retrieve_retry_interval',
  'wal_log_hints',
  'archive_command',
  'archive_library',
  'restore_command',
  'data_directory',
  'hba_file',
  'ident_file',
  'config_file',
]);

export function changeReason(setting: { readonly name: string; readonly context: string }): string | null {
  if (setting.context === 'internal') return 'It is fixed when PostgreSQL is built or initialised.';
  if (ours.has(setting.name)) return 'The cluster itself sets this: a change by hand could lose data.';
  return null;
}

const effects: Readonly<Record<string, string>> = {
  internal: 'never: it is fixed',
  postmaster: 'after a restart',
  sighup: 'on reload',
  'superuser-backend': 'in new sessions',
  backend: 'in new sessions',
  superuser: 'at once, per session',
  user: 'at once, per session',
};

/** PostgreSQL's context of a setting, as an answer to "when". */
export function takesEffect(context: string): string {
  return effects[context] ?? context;
}
