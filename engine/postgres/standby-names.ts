/** The list of synchronous standbys as PostgreSQL is asked for it in SQL; what is asked in which order, and why, stands in `sync-standbys.ts`. */
import { delay, pollUntil } from '../kernel/async';
import { ClusterError } from '../kernel/errors';
import type { NodeId } from '../kernel/ids';
import { type LocalConnection, type LocalEndpoint, localClient, sqlState } from './connection';
import { applySettings, freshSetting } from './runtime-settings';
import { memberOf, standbyName } from './settings';
import type { StandbyNames } from './sync-standbys';

const setting = 'synchronous_standby_names';
const sendersPatienceMs = 5_000;
/** Short, as reports wait for it; whoever asks tries again. */
const probePatienceMs = 1_000;
const lookEveryMs = 2;
/** A commit that did not wait was a write: not too many of them while a checkpoint syncs. */
const probeEveryMs = 50;
/** Sessions whose commits are ours; no client waits in them. */
export const probePurpose = 'rustydb agent (commit probe)';

type SenderRow = { name: string; user: string | null; slot: string | null; counts: boolean; state: string };

export class SqlStandbyNames implements StandbyNames {
  constructor(
    private readonly connection: LocalConnection,
    private readonly endpoint: () => LocalEndpoint,
    private readonly tag?: string,
  ) {}

  async look(): Promise<{ names: string; recovering: boolean }> {
    const [row] = await this.connection.query<{ names: string; recovering: boolean }>(
      `SELECT current_setting('${setting}') AS names, pg_is_in_recovery() AS recovering`,
    );
    if (!row) throw new ClusterError('INTERNAL', 'no row');
    return row;
  }

  /** Read back: another file may win. Without a reload of ours through a new session, as the kept one may not have taken somebody else's yet. */
  async write(text: string, now: string): Promise<void> {
    let after = now === text ? await freshSetting(this.endpoint(), setting) : await this.#apply(text);
    if (after !== text && now === text) after = await this.#apply(text);
    if (after === text) return;
    throw new ClusterError(
      'CONFLICT',
      `${setting} is ${JSON.stringify(after)}, not ${JSON.stringify(text)}: another configuration file sets it`,
    );
  }

  async #apply(text: string): Promise<string> {
    return (await applySettings(this.connection, { [setting]: text })).values[setting] ?? '';
  }

  /** A walsender publishes its own view as priority (above 0: it counts), so this looks at what it uses, not at what we wrote. */
  async sendersAgree(names: readonly string[]): Promise<void> {
    const agree = async () => {
      const streaming = (await this.#members()).filter((row) => row.state === 'streaming');
      return streaming.every((row) => row.counts === names.includes(row.name)) ? true : undefined;
    };
    const what = 'every walsender takes the new list of synchronous standbys';
    await pollUntil(agree, { timeoutMs: sendersPatienceMs, intervalMs: lookEveryMs, what });
  }

  /** A member that follows an older release's rules calls itself by its bare name; the list has what it really says. */
  async namesOf(members: readonly NodeId[]): Promise<readonly string[]> {
    const connected = await this.#members();
    return members.map(
      (node) => connected.find((row) => memberOf(row, this.tag) === node)?.name ?? standbyName(node, this.tag),
    );
  }

  async #members(): Promise<readonly SenderRow[]> {
    const rows = await this.connection.query<SenderRow>(
      `SELECT r.application_name AS name, r.usename AS "user", s.slot_name AS slot, r.sync_priority > 0 AS counts, r.state
         FROM pg_stat_replication AS r JOIN pg_replication_slots AS s ON s.active_pid = r.pid`,
      { name: 'sync-priorities' },
    );
    return rows.filter((row) => memberOf(row, this.tag) !== null);
  }

  async seeCommitWait(): Promise<void> {
    const deadline = performance.now() + probePatienceMs;
    for (;;) {
      if (await this.#probeWaits(deadline)) return;
      if (performance.now() >= deadline) break;
      await delay(probeEveryMs);
    }
    throw new ClusterError(
      'TIMEOUT',
      `commits do not wait for standbys yet: PostgreSQL’s checkpointer has not taken the new list for ${probePatienceMs} ms (while a checkpoint syncs its files it takes none)`,
      {
        reasons: [
          {
            rule: 'commits-wait',
            measured: `not taken after ${probePatienceMs} ms`,
            limit: 'a commit is seen waiting',
            remedy:
              'Nothing: it is tried again until the checkpoint has ended. A slow disk or a stopped checkpointer makes it long.',
          },
        ],
      },
    );
  }

  /** One commit in a session of its own: true once it is seen waiting, false when it returned. It is ended, not answered. */
  async #probeWaits(deadline: number): Promise<boolean> {
    const client = localClient({
      ...this.endpoint(),
      purpose: probePurpose,
      settings: { synchronous_commit: 'on', log_min_messages: 'panic' },
    });
    await client.connect();
    let returned = false;
    const pid = (client as unknown as { processID: number }).processID;
    // A record that no decoder sees, and a transaction number, without which a commit is nothing to wait for.
    const commit = client
      .query('SELECT pg_log_standby_snapshot(), pg_current_xact_id()')
      .then(() => undefined)
      .catch((error: unknown) => error)
      .finally(() => {
        returned = true;
      });
    try {
      while (!returned && performance.now() < deadline) {
        const [row] = await this.connection.query<{ waits: boolean }>(
          `SELECT pg_terminate_backend(pid) AS waits FROM pg_stat_activity WHERE pid = $1 AND wait_event = 'SyncRep'`,
          { values: [pid], name: 'commit-probe' },
        );
        if (row?.waits) return true;
        await delay(lookEveryMs);
      }
      const failed = returned ? await commit : null;
      if (failed !== null && failed !== undefined && sqlState(failed) !== '57P01') throw failed;
      return false;
    } finally {
      await client.end().catch(() => undefined);
    }
  }
}
