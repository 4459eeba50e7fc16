/**
 * Whose acknowledgement a commit waits for. Invariant: when this returns, no commit is released under the old list: new sessions read the
 * new one, and every connected walsender counts, or no longer counts, exactly as the list says.
 */
import { delay, pollUntil } from '../kernel/async';
import { ClusterError } from '../kernel/errors';
import type { NodeId } from '../kernel/ids';
import type { LocalConnection, LocalEndpoint } from './connection';
import { applySettings, freshSetting } from './runtime-settings';
import { synchronousStandbyNames } from './settings';

export async function setSynchronousStandbys(
  connection: LocalConnection,
  endpoint: LocalEndpoint,
  members: readonly NodeId[],
  k: number,
): Promise<void> {
  const wanted = synchronousStandbyNames(members, k);
  const [now] = await connection.query<{ names: string; recovering: boolean }>(
    `SELECT current_setting('synchronous_standby_names') AS names, pg_is_in_recovery() AS recovering`,
  );
  if (now?.names !== wanted) {
    await applySettings(connection, endpoint, { synchronous_standby_names: wanted });
    // Backends and walsenders take the reload at their next wait; none of them can be asked, idle ones wake at once. A standby commits nothing.
    if (!now?.recovering) await delay(20);
  }
  const after = await freshSetting(endpoint, 'synchronous_standby_names');
  if (after !== wanted) {
    throw new ClusterError(
      'CONFLICT',
      `synchronous_standby_names is ${JSON.stringify(after)}, not ${JSON.stringify(wanted)}: another configuration file sets it`,
    );
  }
  await pollUntil(async () => ((await sendersAgree(connection, members)) ? true : undefined), {
    timeoutMs: 5000,
    intervalMs: 5,
    what: 'every walsender takes the new list of synchronous standbys',
  });
}

/** A walsender publishes its own view as priority (above 0: it counts), so this looks at what it uses, not at what we wrote. */
async function sendersAgree(connection: LocalConnection, members: readonly NodeId[]): Promise<boolean> {
  const rows = await connection.query<{ name: string; counts: boolean }>(
    `SELECT application_name AS name, sync_priority > 0 AS counts FROM pg_stat_replication WHERE state = 'streaming'`,
  );
  return rows.every((row) => row.counts === members.includes(row.name));
}
