/**
 * The control store as the group sees it: one leader at a time, answers only with a majority, leases kept by the leader's own clock and counted as
 * renewed at its election. An abstraction of Raft (which has its own simulator); leader losses and partitions are real here.
 */
import type { GroupRecord } from '../../cluster/model';
import type { RenewResult } from '../../control/store';
import type { SimNode } from './node';
import type { World } from './world';

export type Journal = {
  readonly id: number;
  readonly kind: 'failover' | 'switchover';
  readonly epoch: number;
  readonly step: 'demote' | 'promises' | 'grant' | 'promote';
  readonly candidate: string | null;
  readonly next: GroupRecord | null;
  readonly expectedRevision: number;
  readonly underLeaseGuard: boolean;
  readonly startedAt: number;
};

export type TxnAnswer =
  | { readonly ok: true; readonly revision: number }
  | { readonly ok: false; readonly why: 'conflict' | 'lease-held' };

export class StoreModel {
  leader: SimNode | null = null;
  term = 1;
  record: GroupRecord;
  revision = 1;
  journal: Journal | null = null;
  /** Leader's monotonic time of the last renewal it answered. */
  #renewedAt = 0;
  #leaderlessSince: number | null = null;
  #patience = 600;
  nodes: readonly SimNode[] = [];

  constructor(
    readonly world: World,
    record: GroupRecord,
    readonly leaseMs: number,
  ) {
    this.record = record;
  }

  begin(leader: SimNode): void {
    this.leader = leader;
    this.#renewedAt = leader.clock.mono();
    this.#watch();
    this.#broadcastLoop();
  }

  canLead(node: SimNode): boolean {
    if (node.agent === null || !node.agent.process.running) return false;
    let reachable = 1;
    for (const other of this.nodes) {
      if (other === node || other.agent === null || !other.agent.process.running) continue;
      if (this.world.network.both(node.id, other.id)) reachable++;
    }
    return reachable >= Math.floor(this.nodes.length / 2) + 1;
  }

  #watch(): void {
    this.world.queue.after(50, null, () => {
      if (this.leader !== null && this.canLead(this.leader)) this.#leaderlessSince = null;
      else if (this.#leaderlessSince === null) {
        this.#leaderlessSince = this.world.now;
        this.#patience = this.world.random.between(400, 800);
      } else if (this.world.now - this.#leaderlessSince > this.#patience) this.changeLeader();
      this.#watch();
    });
  }

  changeLeader(): void {
    const able = this.nodes.filter((node) => node !== this.leader && this.canLead(node));
    if (able.length === 0) return;
    this.leader = this.world.random.pick(able);
    this.term++;
    this.#leaderlessSince = null;
    this.#renewedAt = this.leader.clock.mono();
    this.world.counters.takeovers++;
    this.world.note(`store leader ${this.leader.id} term ${this.term}`);
  }

  leaseRemainingMs(): number {
    if (this.record.leaseReleased || this.leader === null) return 0;
    return this.#renewedAt + this.leaseMs - this.leader.clock.mono();
  }

  /** `from` asks the leader; the answer comes only if it still leads with a majority after one more round. */
  request<T>(from: SimNode, decide: (leader: SimNode) => T, answer: (result: T) => void): void {
    const asked = from.agent?.process ?? null;
    const leader = this.leader;
    if (asked === null || leader === null) return;
    /* A request ends once, whatever the network repeats. */
    let answered = false;
    this.world.send(
      from.id,
      leader.id,
      () => leader.agent?.process ?? null,
      () => {
        const term = this.term;
        this.world.queue.after(this.world.random.between(0.5, 3), leader.agent!.process, () => {
          if (this.leader !== leader || this.term !== term || !this.canLead(leader)) return;
          const result = decide(leader);
          this.world.send(
            leader.id,
            from.id,
            () => asked,
            () => {
              if (answered) return;
              answered = true;
              answer(result);
            },
          );
        });
      },
    );
  }

  renew(from: SimNode, epoch: number, answer: (result: RenewResult) => void): void {
    this.request<RenewResult>(
      from,
      (leader) => {
        const { record } = this;
        if (record.epoch !== epoch || record.primary !== from.id || record.leaseReleased) {
          return { ok: false, reason: 'superseded', epoch: record.epoch };
        }
        this.#renewedAt = leader.clock.mono();
        this.world.checker.renewed(from.id, epoch);
        return { ok: true, epoch, leaseMs: this.leaseMs };
      },
      answer,
    );
  }

  txn(
    from: SimNode,
    change: {
      readonly expected: number;
      readonly next: GroupRecord;
      readonly guard: boolean;
      readonly grants: boolean;
    },
    answer: (result: TxnAnswer) => void,
  ): void {
    this.request<TxnAnswer>(
      from,
      (leader) => {
        if (change.expected !== this.revision) return { ok: false, why: 'conflict' };
        const guarded = change.guard && !this.world.is('ignore-lease-guard');
        if (guarded && this.leaseRemainingMs() > 0) return { ok: false, why: 'lease-held' };
        this.#apply(change.next);
        if (change.grants) this.#renewedAt = leader.clock.mono();
        return { ok: true, revision: this.revision };
      },
      answer,
    );
  }

  read(from: SimNode, answer: (record: GroupRecord, revision: number) => void): void {
    this.request(
      from,
      () => ({ record: this.record, revision: this.revision }),
      (one) => answer(one.record, one.revision),
    );
  }

  #apply(next: GroupRecord): void {
    const before = this.record;
    this.record = next;
    this.revision++;
    this.world.note(
      `record rev ${this.revision} epoch ${next.epoch} ${next.primary} ${next.mode} ${next.voterSet.k} of ${next.voterSet.members} ${next.promotable}${next.leaseReleased ? ' released' : ''}`,
    );
    this.world.checker.recordChanged(before, next);
    this.#broadcast();
  }

  /** By an operator or the controller, through the leader; the caller has checked that it leads. */
  writeAsLeader(expected: number, next: GroupRecord): boolean {
    if (expected !== this.revision || this.leader === null || !this.canLead(this.leader)) return false;
    this.#apply(next);
    return true;
  }

  #broadcast(): void {
    const { leader, record, revision } = this;
    if (leader === null) return;
    for (const node of this.nodes) {
      this.world.send(
        leader.id,
        node.id,
        () => node.agent?.process ?? null,
        () => node.agent?.onRecord(record, revision),
      );
    }
  }

  #broadcastLoop(): void {
    this.world.queue.after(250, null, () => {
      if (this.leader !== null && this.canLead(this.leader)) this.#broadcast();
      this.#broadcastLoop();
    });
  }
}
