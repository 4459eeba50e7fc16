/**
 * The holder's shell around the voter-set core: one change at a time, each by compare-and-swap or by a setting that is read back; the barrier is kept
 * in memory. Invariant kept: what a change that was given up still has in flight does nothing on arrival.
 */
import { nextVoterSetAction, type VoterSet } from '../../cluster/core/voter-set';
import type { GroupRecord } from '../../cluster/model';
import { holdsLease } from '../../node/core/lease-keeper';
import type { AgentModel } from './agent-model';
import type { SimNode } from './node';
import type { StoreModel } from './store-model';
import type { World } from './world';

export class VoterSetModel {
  /** Set of a write whose outcome is not known. */
  unconfirmed: VoterSet | null = null;
  /** Read back in this life: no walsender counts under an older setting. */
  #confirmed = false;
  #barrier: { postgres: VoterSet; lsn: bigint } | null = null;
  #busyUntil = 0;
  /** Number of the present change. */
  #change = 0;

  constructor(
    private readonly world: World,
    private readonly node: SimNode,
    private readonly agent: AgentModel,
    private readonly store: StoreModel,
  ) {}

  get busy(): boolean {
    return this.node.clock.mono() < this.#busyUntil;
  }
  forgetBarrier(): void {
    this.#barrier = null;
    this.#confirmed = false;
  }

  act(): void {
    if (this.busy || this.world.now - this.node.postgres.servingSince < 1) return;
    const postgres = this.node.postgres;
    if (!this.#confirmed) {
      this.#set(this.node.disk.data.names);
      return;
    }
    const action = nextVoterSetAction({
      mode: this.agent.record.mode,
      onNoStandby: this.agent.record.onNoStandby,
      leaseMs: this.agent.lease.budget.leaseMs,
      record: { ...this.agent.record.voterSet, promotable: this.agent.record.promotable },
      postgres: postgres.names,
      standbys: this.agent.others.map((other) => {
        const stream = postgres.streams.get(other.id);
        return {
          node: other.id,
          streaming: stream?.open === true,
          flushLsn: stream?.open ? BigInt(stream.flushed) : null,
          silentMs: this.world.now - (stream?.lastReplyAt ?? postgres.servingSince),
          excluded: false,
        };
      }),
      currentLsn: BigInt(postgres.lsn),
      barrier: this.world.is('no-barrier') ? { postgres: postgres.names, lsn: 0n } : this.#barrier,
      frozen: this.store.journal !== null && this.store.journal.step === 'demote',
      joinLagBytes: 20,
    });
    if (action.kind === 'take-barrier') this.#barrier = { postgres: postgres.names, lsn: BigInt(postgres.lsn) };
    if (action.kind === 'write-store') this.#writeSet(action.voterSet, action.promotable);
    if (action.kind === 'set-postgres') this.#setNames(action.voterSet);
  }

  #writeSet(voterSet: VoterSet, promotable: GroupRecord['promotable']): void {
    const joins = voterSet.members.length > this.agent.record.voterSet.members.length;
    const leaves = voterSet.members.length < this.agent.record.voterSet.members.length;
    if (this.world.is('add-voter-in-postgres-first') && joins && this.agent.record.promotable === 'voters') {
      this.node.postgres.setNames({ members: voterSet.members, k: Math.max(1, voterSet.k) }, () => undefined);
      return;
    }
    if (this.world.is('remove-voter-in-store-first') && leaves) this.#barrier = null;
    this.#change++;
    this.#busyUntil = this.node.clock.mono() + 600;
    this.unconfirmed = voterSet;
    const next = { ...this.agent.record, voterSet, promotable };
    this.store.txn(this.node, { expected: this.agent.revision, next, guard: false, grants: false }, (answer) => {
      this.#busyUntil = 0;
      if (answer.ok) this.agent.onRecord(next, answer.revision);
      else this.store.read(this.node, (record, revision) => this.agent.onRecord(record, revision));
    });
  }

  #touch(): void {
    const { record } = this.agent;
    this.store.txn(
      this.node,
      { expected: this.agent.revision, next: record, guard: false, grants: false },
      (answer) => {
        this.#busyUntil = 0;
        if (answer.ok) {
          this.agent.earlierLifeMayWrite = false;
          this.agent.onRecord(record, answer.revision);
        } else this.store.read(this.node, (current, revision) => this.agent.onRecord(current, revision));
      },
    );
  }

  #set(voterSet: VoterSet): void {
    this.#confirmed = false;
    this.#busyUntil = this.node.clock.mono() + 300;
    const change = ++this.#change;
    this.node.postgres.setNames(voterSet, () => {
      if (this.#change !== change) return;
      this.#confirmed = true;
      this.#busyUntil = 0;
    });
  }

  #setNames(voterSet: VoterSet): void {
    const epoch = this.agent.lease.epoch!;
    const { revision } = this.agent;
    const change = ++this.#change;
    const apply = () => {
      if (
        this.#change !== change ||
        this.agent.revision !== revision ||
        !holdsLease(this.agent.lease, this.node.clock.instant(), epoch)
      )
        return;
      this.#barrier = null;
      const gone = this.agent.record.voterSet.members.filter((one) => !voterSet.members.includes(one));
      if (
        this.world.is('remove-voter-in-store-first') &&
        gone.length > 0 &&
        this.agent.record.promotable === 'voters'
      ) {
        const next = { ...this.agent.record, voterSet };
        if (voterSet.members.length > 0) {
          this.store.txn(this.node, { expected: this.agent.revision, next, guard: false, grants: false }, (answer) => {
            if (answer.ok) this.agent.onRecord(next, answer.revision);
          });
          return;
        }
      }
      this.#set(voterSet);
    };
    if (this.world.is('stale-record-for-postgres')) {
      apply();
      return;
    }
    this.#busyUntil = this.node.clock.mono() + 300;
    if (this.unconfirmed !== null || (this.agent.earlierLifeMayWrite && !this.world.is('no-touch-after-restart'))) {
      /* A set write of unknown outcome may still arrive; raising the revision shuts it out (or shows that it was first). */
      this.#touch();
      return;
    }
    this.store.read(this.node, (record, current) => {
      if (this.#change !== change) return;
      this.#busyUntil = 0;
      if (current === revision) apply();
      else this.agent.onRecord(record, current);
    });
  }
}
