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

/** Applies `settings` and returns once a new session sees them (or they wait for a restart). */
export async function applySettings(
  connection: LocalConnection,
  endpoint: LocalEndpoint,
  settings: Settings,
): Promise<{ pendingRestart: readonly string[] }> {
  const names = Object.keys(settings).map((name) => name.toLowerCase());
  if (names.length === 0) return { pendingRestart: [] };
  await alterSystem(connection, settings);
  const reloadedBefore = await loadTime(connection);
  await connection.query('SELECT pg_reload_conf()');
  return pollUntil(
    () =>
      withFreshSession(endpoint, async (client) => {
        const { rows } = await client.query<{ loaded: string; pending: string[] | null; errors: string | null }>(
          `SELECT (extract(epoch FROM pg_conf_load_time()) * 1000000)::bigint::text AS loaded,
                  (SELECT array_agg(name) FROM pg_settings WHERE pending_restart AND lower(name) = ANY($1)) AS pending,
                  (SELECT string_agg(name || ': ' || error, '; ') FROM pg_file_settings AS f
                    WHERE error IS NOT NULL AND lower(name) = ANY($1)
                      AND NOT EXISTS (SELECT FROM pg_settings AS s WHERE s.name = f.name AND s.pending_restart)) AS errors`,
          [names],
        );
        const row = rows[0]!;
        if (row.loaded === reloadedBefore) return undefined;
        if (row.errors !== null) throw new ClusterError('INVALID_INPUT', `PostgreSQL did not take ${row.errors}`);
        return { pendingRestart: row.pending ?? [] };
      }),
    { timeoutMs: 5000, intervalMs: 5, what: 'PostgreSQL reads its configuration' },
  );
}

async function loadTime(connection: LocalConnection): Promise<string> {
  // Of the kept session this may lag behind the postmaster's: then any newer one is newer still.
  const rows = await connection.query<{ loaded: string }>(
    'SELECT (extract(epoch FROM pg_conf_load_time()) * 1000000)::bigint::text AS loaded',
  );
  return rows[0]!.loaded;
}

/** Value as a new session sees it. */
export async function freshSetting(endpoint: LocalEndpoint, name: string): Promise<string> {
  return withFreshSession(endpoint, async (client) => {
    const { rows } = await client.query<{ value: string }>('SELECT current_setting($1) AS value', [name]);
    return rows[0]!.value;
  });
}
