/**
 * What every session of ours pins when it connects. Invariant: nothing that ALTER SYSTEM, ALTER ROLE or ALTER DATABASE … SET, a login trigger or a
 * preloaded library can change alters what a statement of ours does, what its answer looks like, or how long it may take. Options of the start-up
 * packet come after the settings of role and database, so these win.
 */

type Pins = Readonly<Record<string, string>>;

/** Any login may set these for itself. */
const forAnyLogin: Pins = {
  search_path: 'pg_catalog,pg_temp',
  role: 'none',
  // What a transaction is.
  default_transaction_isolation: 'read committed',
  default_transaction_read_only: 'off',
  default_transaction_deferrable: 'off',
  synchronous_commit: 'local',
  // How values read.
  datestyle: 'ISO,MDY',
  intervalstyle: 'postgres',
  timezone: 'UTC',
  bytea_output: 'hex',
  extra_float_digits: '1',
  lc_numeric: 'C',
  lc_monetary: 'C',
  lc_time: 'C',
  xmlbinary: 'base64',
  quote_all_identifiers: 'off',
  // How statements read.
  standard_conforming_strings: 'on',
  backslash_quote: 'safe_encoding',
  escape_string_warning: 'off',
  transform_null_equals: 'off',
  array_nulls: 'on',
  check_function_bodies: 'on',
  client_min_messages: 'notice',
  // How long they may take: the caller has a time-out of its own.
  statement_timeout: '0',
  lock_timeout: '0',
  transaction_timeout: '0',
  idle_in_transaction_session_timeout: '0',
  idle_session_timeout: '0',
  // Where and how they run.
  row_security: 'on',
  default_tablespace: '',
  temp_tablespaces: '',
  default_table_access_method: 'heap',
  plan_cache_mode: 'auto',
  jit: 'off',
  max_parallel_workers_per_gather: '0',
  debug_parallel_query: 'off',
  local_preload_libraries: '',
};

/** Only a superuser may set these. With `log_statement = all` our own statements would be most of the log. */
const forSuperuser: Pins = {
  event_triggers: 'off',
  session_replication_role: 'origin',
  session_preload_libraries: '',
  lc_messages: 'C',
  track_activities: 'on',
  temp_file_limit: '-1',
  allow_system_table_mods: 'off',
  log_statement: 'none',
  log_disconnections: 'off',
  log_duration: 'off',
  log_min_duration_statement: '-1',
  log_min_duration_sample: '-1',
  log_transaction_sample_rate: '0',
  log_statement_stats: 'off',
  log_parser_stats: 'off',
  log_planner_stats: 'off',
  log_executor_stats: 'off',
  debug_print_parse: 'off',
  debug_print_rewritten: 'off',
  debug_print_plan: 'off',
  // Of modules that may be loaded; without the module a name that nobody reads.
  'auto_explain.log_min_duration': '-1',
  'pgaudit.log': 'none',
};

/** Value of `options` in the start-up packet: blanks and backslashes are escaped there. `overrides` for what one statement needs otherwise. */
export function sessionOptions(login: 'superuser' | 'other', overrides: Pins = {}): string {
  const pins = { ...forAnyLogin, ...(login === 'superuser' ? forSuperuser : {}), ...overrides };
  return Object.entries(pins)
    .map(([name, value]) => `-c ${name}=${value.replaceAll(/[\\\s]/g, '\\$&')}`)
    .join(' ');
}

/**
 * Of the sessions by which a standby follows: the few settings that end or change those. Not all of ours, because PostgreSQL keeps a walreceiver's whole
 * connection string in 1,024 bytes and cuts it off there.
 */
export const followerOptions = [
  'statement_timeout',
  'lock_timeout',
  'transaction_timeout',
  'idle_in_transaction_session_timeout',
  'idle_session_timeout',
  'role',
  'search_path',
]
  .map((name) => `-c ${name}=${forAnyLogin[name]}`)
  .join(' ');
