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
import { sameSet } from '../cluster/core/voter-set';
import { ClusterError } from '../kernel/errors';
import type { NodeId } from '../kernel/ids';
import { closedStandbyNames, synchronousStandbyNames } from './settings';

/** What is asked of PostgreSQL; each resolves once it was seen. */
export interface StandbyNames {
  look(): Promise<{ readonly names: string; readonly recovering: boolean }>;
  /** `now`: as it reads at present. */
  write(text: string, now: string): Promise<void>;
  /** What the members call themselves; absent: by their own names. */
  namesOf?(members: readonly NodeId[]): Promise<readonly string[]>;
  /** Every streaming walsender of a member counts exactly if it has one of these names. */
  sendersAgree(names: readonly string[]): Promise<void>;
  /** A commit of ours waits. @throws TIMEOUT */
  seeCommitWait(): Promise<void>;
}

type Wanted = { readonly members: readonly NodeId[]; readonly k: number };
type InForce = Wanted & { readonly text: string };

export class SyncStandbys {
  /** Backends of this server's life are known to wait whenever a list is set. */
  #commitsWait = false;
  /** The list that every walsender has been seen to use; null: not known. */
  #inForce: InForce | null = null;
  /** Asked for while that was not known of a standby: set once it is primary. */
  #deferred: Wanted | null = null;

  constructor(private readonly server: StandbyNames) {}

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
    const { names, recovering } = await this.server.look();
    if (!recovering) throw new ClusterError('CONFLICT', 'not a standby any more');
    if (names === '' || !commitsWait) this.#commitsWait = false;
    await this.server.write(commitsWait ? closedStandbyNames : '', names);
  }

  async set(members: readonly NodeId[], k: number): Promise<void> {
    const wanted = { members, k };
    const { names, recovering } = await this.server.look();
    this.#deferred = null;
    if (members.length === 0) return this.#open(names);
    if (names === '') this.#commitsWait = false;
    if (this.#inForce && names !== this.#inForce.text) this.#inForce = null;
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
    await this.server.write('', names);
    await this.server.sendersAgree([]);
    this.#commitsWait = false;
    this.#inForce = { members: [], k: 0, text: '' };
  }

  /** A standby commits nothing and has no members behind it; what has to be proved of it is proved when it is primary. */
  async #setOnStandby(wanted: Wanted, names: string): Promise<void> {
    if (!this.#commitsWait) {
      this.#deferred = wanted;
      return this.server.write(closedStandbyNames, names);
    }
    // Set beforehand, while the grant was under way.
    if (this.#inForce && sameSet(this.#inForce, wanted)) return;
    await this.#use(wanted);
  }

  /** With one acknowledgement or no more than before, a walsender with the old list is at worst stricter. */
  #canTell(wanted: Wanted): boolean {
    return wanted.k === 1 || (this.#inForce !== null && this.#inForce.k >= wanted.k);
  }

  async #throughClosed(names: string): Promise<void> {
    this.#inForce = null;
    await this.server.write(closedStandbyNames, names);
    await this.server.sendersAgree([]);
    if (!this.#commitsWait) await this.server.seeCommitWait();
    this.#commitsWait = true;
  }

  async #use(wanted: Wanted): Promise<void> {
    this.#inForce = null;
    const names = (await this.server.namesOf?.(wanted.members)) ?? wanted.members;
    const text = synchronousStandbyNames(names, wanted.k);
    await this.server.write(text, (await this.server.look()).names);
    await this.server.sendersAgree(names);
    this.#inForce = { ...wanted, text };
  }
}
