/** Settings of a running server: ALTER SYSTEM, reload, and a read-back through the eyes of a new session. */
import { pollUntil } from '../kernel/async';
import { ClusterError } from '../kernel/errors';
import { type LocalConnection, type LocalEndpoint, sqlState, withFreshSession } from './connection';

export type Settings = Readonly<Record<string, string | null>>;

const settingName = /^[A-Za-z_][\w]*(\.[A-Za-z_][\w]*)*$/;

/** One ALTER SYSTEM per setting. INVALID_INPUT with PostgreSQL's words for a name or value that it refuses. */
async function alterSystem(connection: LocalConnection, settings: Settings): Promise<void> {
  for (const [name, value] of Object.entries(settings)) {
    if (!settingName.test(name))
      throw new ClusterError('INVALID_INPUT', `${JSON.stringify(name)} is no setting’s name`);
    const target = value === null ? `RESET ${name}` : `SET ${name} TO ${settingValue(name, value)}`;
    try {
      await connection.query(`ALTER SYSTEM ${target}`, { timeoutMs: 10_000 });
    } catch (error) {
      if (/^(22|42|F0)/.test(sqlState(error) ?? '')) {
        throw new ClusterError('INVALID_INPUT', `PostgreSQL refuses ${name}: ${(error as Error).message}`);
      }
      throw error;
    }
  }
}

/** Lists that PostgreSQL keeps as such: a single literal would be quoted as one element. */
const listSettings = new Set([
  'synchronized_standby_slots',
  'search_path',
  'temp_tablespaces',
  'shared_preload_libraries',
  'session_preload_libraries',
  'local_preload_libraries',
]);

function settingValue(name: string, value: string): string {
  const literal = (text: string) => `'${text.replaceAll("'", "''")}'`;
  if (value === '' || !listSettings.has(name)) return escapeBackslash(literal(value));
  return value
    .split(',')
    .map((element) => literal(element.trim()))
    .join(', ');
}

/** standard_conforming_strings is ours to rely on, but a value with a backslash is written so that it holds either way. */
function escapeBackslash(literal: string): string {
  return literal.includes('\\') ? `E${literal.replaceAll('\\', '\\\\')}` : literal;
}

type Reloaded = {
  readonly pendingRestart: readonly string[];
  readonly values: Readonly<Record<string, string | null>>;
};

/**
 * Applies `settings` and returns once PostgreSQL has taken them (or they wait for a restart): what a new session would see. Seen through the kept
 * session: the postmaster reads its files first and then tells everybody else, so a session that has read them anew comes after it; and a session
 * reads them anew before the next statement. A new session to look with is a fork and a password exchange, in the middle of every promotion.
 */
export async function applySettings(connection: LocalConnection, settings: Settings): Promise<Reloaded> {
  const names = Object.keys(settings).map((name) => name.toLowerCase());
  if (names.length === 0) return { pendingRestart: [], values: {} };
  await alterSystem(connection, settings);
  const before = (await loaded(connection, [])).loaded;
  await connection.query('SELECT pg_reload_conf()');
  return pollUntil(
    async () => {
      const row = await loaded(connection, names);
      if (row.loaded === before) return undefined;
      if (row.errors !== null) throw new ClusterError('INVALID_INPUT', `PostgreSQL did not take ${row.errors}`);
      return { pendingRestart: row.pending ?? [], values: row.values ?? {} };
    },
    { timeoutMs: 5000, intervalMs: 2, what: 'PostgreSQL reads its configuration' },
  );
}

type LoadedRow = {
  loaded: string;
  pending: string[] | null;
  errors: string | null;
  values: Record<string, string | null> | null;
};

async function loaded(connection: LocalConnection, names: readonly string[]): Promise<LoadedRow> {
  const [row] = await connection.query<LoadedRow>(
    `SELECT (extract(epoch FROM pg_conf_load_time()) * 1000000)::bigint::text AS loaded,
            (SELECT array_agg(name) FROM pg_settings WHERE pending_restart AND lower(name) = ANY($1)) AS pending,
            (SELECT string_agg(name || ': ' || error, '; ') FROM pg_file_settings AS f
              WHERE error IS NOT NULL AND lower(name) = ANY($1)
                AND NOT EXISTS (SELECT FROM pg_settings AS s WHERE s.name = f.name AND s.pending_restart)) AS errors,
            (SELECT json_object_agg(name, current_setting(name, true)) FROM unnest($1::text[]) AS name) AS values`,
    { values: [names], name: 'configuration-loaded' },
  );
  if (!row) throw new ClusterError('INTERNAL', 'no row');
  return row;
}

/** Value as a new session sees it. */
export async function freshSetting(endpoint: LocalEndpoint, name: string): Promise<string> {
  return withFreshSession(endpoint, async (client) => {
    const { rows } = await client.query<{ value: string }>('SELECT current_setting($1) AS value', [name]);
    return rows[0]!.value;
  });
}
