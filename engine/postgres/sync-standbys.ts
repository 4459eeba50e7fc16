/**
 * Whose acknowledgement a commit waits for. Invariant: when `set` returns, no commit is released under an earlier list.
 *
 * Three things decide that in PostgreSQL, and each is proved by what can be seen of it:
 * - Whether a backend waits at all is one flag that the *checkpointer* sets when it gets round to a reload; in a checkpoint's sync phase that takes
 *   as long as the disk does. Proof: a commit of ours, under a list that nobody is on (the closed list), is seen waiting.
 * - Which walsenders count is what each of them publishes as its priority.
 * - How many must have acknowledged (k) is known to each walsender alone. Proof: its priority went away under the closed list and came back under
 *   the wanted one, which names k.
 *
 * Under the closed list nothing is acknowledged, so passing through it is safe at any moment. A server that starts with a list in its file needs no
 * proof: its backends read the file until the checkpointer has. So standbys keep the closed list, and a promotion never waits for a checkpointer.
 */
import { delay, pollUntil } from '../kernel/async';
import { ClusterError } from '../kernel/errors';
import type { NodeId } from '../kernel/ids';
import { type LocalConnection, type LocalEndpoint, localClient, sqlState } from './connection';
import { applySettings, freshSetting } from './runtime-settings';
import { closedStandbyNames, synchronousStandbyNames } from './settings';

const setting = 'synchronous_standby_names';
const sendersPatienceMs = 5_000;
/** Short, as reports wait for it; whoever asks tries again. */
const probePatienceMs = 1_000;
const lookEveryMs = 2;
/** A commit that did not wait was a write: not too many of them while a checkpoint syncs. */
const probeEveryMs = 50;
/** Sessions whose commits are ours; no client waits in them. */
export const probePurpose = 'rustydb agent (commit probe)';

type Wanted = { readonly members: readonly NodeId[]; readonly k: number };

function textOf({ members, k }: Wanted): string {
  return synchronousStandbyNames(members, k);
}

export class SyncStandbys {
  /** Backends of this server's life are known to wait whenever a list is set. */
  #commitsWait = false;
  /** The list that every walsender has been seen to use; null: not known. */
  #inForce: Wanted | null = null;
  /** Asked for while that was not known of a standby: set once it is primary. */
  #deferred: Wanted | null = null;

  constructor(
    private readonly connection: LocalConnection,
    private readonly endpoint: () => LocalEndpoint,
  ) {}

  /** A server starts with this list in its file. */
  started(names: string): void {
    this.forget();
    this.#commitsWait = names !== '';
  }

  /** Nothing is known of a server that was found running, or that stopped. */
  forget(): void {
    this.#commitsWait = false;
    this.#inForce = null;
    this.#deferred = null;
  }

  /** A standby: never an empty list in the modes in which commits wait, so that its first commit as primary waits too. */
  async close(commitsWait: boolean): Promise<void> {
    const { names, recovering } = await this.#look();
    if (!recovering) throw new ClusterError('CONFLICT', 'not a standby any more');
    if (names === '' || !commitsWait) this.#commitsWait = false;
    await this.#write(commitsWait ? closedStandbyNames : '', names);
  }

  async set(members: readonly NodeId[], k: number): Promise<void> {
    const wanted = { members, k };
    const { names, recovering } = await this.#look();
    this.#deferred = null;
    if (members.length === 0) return this.#open(names);
    if (names === '') this.#commitsWait = false;
    if (this.#inForce && names !== textOf(this.#inForce)) this.#inForce = null;
    if (recovering) return this.#setOnStandby(wanted, names);
    if (!this.#commitsWait || !this.#canTell(wanted)) await this.#throughClosed(names);
    await this.#use(wanted);
  }

  /** After a promotion: what could not be proved before. */
  async promoted(): Promise<void> {
    const deferred = this.#deferred;
    if (deferred) await this.set(deferred.members, deferred.k);
  }

  async #open(names: string): Promise<void> {
    await this.#write('', names);
    await this.#sendersAgree([]);
    this.#commitsWait = false;
    this.#inForce = { members: [], k: 0 };
  }

  /** A standby commits nothing and has no members behind it; what has to be proved of it is proved when it is primary. */
  async #setOnStandby(wanted: Wanted, names: string): Promise<void> {
    if (!this.#commitsWait) {
      this.#deferred = wanted;
      return this.#write(closedStandbyNames, names);
    }
    await this.#use(wanted);
  }

  /** With one acknowledgement or no more than before, a walsender with the old list is at worst stricter. */
  #canTell(wanted: Wanted): boolean {
    return wanted.k === 1 || (this.#inForce !== null && this.#inForce.k >= wanted.k);
  }

  async #throughClosed(names: string): Promise<void> {
    this.#inForce = null;
    await this.#write(closedStandbyNames, names);
    await this.#sendersAgree([]);
    if (!this.#commitsWait) await this.#seeCommitWait();
    this.#commitsWait = true;
  }

  async #use(wanted: Wanted): Promise<void> {
    this.#inForce = null;
    await this.#write(textOf(wanted), (await this.#look()).names);
    await this.#sendersAgree(wanted.members);
    this.#inForce = wanted;
  }

  async #look(): Promise<{ names: string; recovering: boolean }> {
    const [row] = await this.connection.query<{ names: string; recovering: boolean }>(
      `SELECT current_setting('${setting}') AS names, pg_is_in_recovery() AS recovering`,
    );
    if (!row) throw new ClusterError('INTERNAL', 'no row');
    return row;
  }

  /** Read back through a new session: a kept one may not have taken the reload yet, and another file may win. */
  async #write(text: string, now: string): Promise<void> {
    const endpoint = this.endpoint();
    if (now !== text) await applySettings(this.connection, endpoint, { [setting]: text });
    let after = await freshSetting(endpoint, setting);
    if (after !== text && now === text) {
      // The kept session was behind.
      await applySettings(this.connection, endpoint, { [setting]: text });
      after = await freshSetting(endpoint, setting);
    }
    if (after === text) return;
    throw new ClusterError(
      'CONFLICT',
      `${setting} is ${JSON.stringify(after)}, not ${JSON.stringify(text)}: another configuration file sets it`,
    );
  }

  /** A walsender publishes its own view as priority (above 0: it counts), so this looks at what it uses, not at what we wrote. */
  async #sendersAgree(members: readonly NodeId[]): Promise<void> {
    const agree = async () => {
      const rows = await this.connection.query<{ name: string; counts: boolean }>(
        `SELECT application_name AS name, sync_priority > 0 AS counts FROM pg_stat_replication WHERE state = 'streaming'`,
        { name: 'sync-priorities' },
      );
      return rows.every((row) => row.counts === members.includes(row.name)) ? true : undefined;
    };
    const what = 'every walsender takes the new list of synchronous standbys';
    await pollUntil(agree, { timeoutMs: sendersPatienceMs, intervalMs: lookEveryMs, what });
  }

  async #seeCommitWait(): Promise<void> {
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
