/**
 * How a simulated member comes back: asks the primary for its health and history, decides by the real core, then follows, looks in private, or
 * copies. Invariant kept: right before old data is thrown away the primary has answered once more that it is healthy.
 */
import { decideRejoin } from '../../cluster/core/rejoin';
import type { GroupRecord } from '../../cluster/model';
import { holdsLease } from '../../node/core/lease-keeper';
import type { AgentModel } from './agent-model';
import type { SimNode } from './node';
import type { TimelineStart } from './postgres-model';
import type { World } from './world';

type Health = { readonly healthy: boolean; readonly history: readonly TimelineStart[] };

/** An answer older than this when it arrives confirms nothing. */
const freshMs = 100;

export class RejoinModel {
  #busyUntil = Number.NEGATIVE_INFINITY;
  /** One attempt at a time: what an earlier one still has under way comes to nothing. */
  #attempt = 0;
  #comparison: 'can-follow' | 'diverged' | null = null;

  constructor(
    private readonly world: World,
    private readonly node: SimNode,
    private readonly agent: AgentModel,
  ) {}

  get busy(): boolean {
    return this.world.now < this.#busyUntil;
  }
  epochChanged(): void {
    this.#comparison = null;
  }

  begin(primary: SimNode, found: 'diverged' | null): void {
    if (this.busy) return;
    const { node } = this;
    const { data } = node.disk;
    const { record } = this.agent;
    if (data.present && data.standbySignal && found === null) {
      /* A standby only has to start: without anybody to follow it can at least promise and report. */
      if (node.postgres.dead) this.agent.startStandby();
      return;
    }
    this.#busyUntil = this.world.now + 1500;
    this.#attempt++;
    this.#ask(primary, record, (health) => {
      const decision = decideRejoin({
        data: !data.present ? 'absent' : data.standbySignal ? 'standby' : 'was-primary',
        lastHeldEpoch: node.disk.member.lastHeldEpoch,
        recordEpoch: record.epoch,
        primaryIsOther: true,
        primaryHealthy: health.healthy,
        promisedEpoch: node.disk.member.promisedEpoch,
        comparison: found ?? this.#comparison,
        walIsGone: false,
        freeBytes: 1,
        neededBytes: null,
        reclone: false,
      });
      this.#comparison = null;
      if (decision.kind === 'base-backup') this.#copy(primary, record);
      else if (decision.kind === 'compare-in-private') this.#compare(health.history);
      else this.#busyUntil = 0;
      if (decision.kind !== 'follow' || !node.postgres.dead) return;
      data.standbySignal = true;
      this.agent.startStandby();
    });
  }

  /** The answer counts only while the record still names that primary and epoch. */
  #ask(primary: SimNode, record: GroupRecord, then: (health: Health) => void): void {
    const askedAt = this.node.clock.mono();
    const attempt = this.#attempt;
    let answered = false;
    const there = () => primary.agent?.process ?? null;
    this.world.send(this.node.id, primary.id, there, () => {
      const { lease } = primary.agent!;
      const holds = lease.epoch === record.epoch && holdsLease(lease, primary.clock.instant(), record.epoch);
      const healthy = holds && primary.postgres.serving && primary.postgres.postmasterAlive;
      const history = primary.postgres.data.timelines;
      this.world.send(
        primary.id,
        this.node.id,
        () => this.agent.process,
        () => {
          if (answered || attempt !== this.#attempt) return;
          answered = true;
          const current = this.agent.record.epoch === record.epoch && this.agent.record.primary === primary.id;
          const fresh = this.node.clock.mono() - askedAt <= freshMs;
          if (current) then({ healthy: healthy && fresh, history });
          else this.#busyUntil = 0;
        },
      );
    });
  }

  #compare(history: readonly TimelineStart[]): void {
    const { data } = this.node.disk;
    this.world.queue.after(this.world.random.between(40, 120), this.agent.process, () => {
      this.#busyUntil = 0;
      const index = history.findIndex((one) => one.timeline === data.timelines.at(-1)!.timeline);
      const fork = index === -1 ? -1 : (history[index + 1]?.start ?? Number.POSITIVE_INFINITY);
      this.#comparison = data.wal.length <= fork ? 'can-follow' : 'diverged';
    });
  }

  #copy(primary: SimNode, record: GroupRecord): void {
    /* One connection: what the network repeats never comes twice. */
    let arrived = false;
    const attempt = this.#attempt;
    this.world.queue.after(this.world.random.between(150, 400), this.agent.process, () => {
      this.world.send(
        this.node.id,
        primary.id,
        () => primary.postgres.life,
        () => {
          if (!primary.postgres.serving) return;
          const wal = primary.postgres.data.wal.slice();
          const { timelines } = primary.postgres.data;
          this.world.send(
            primary.id,
            this.node.id,
            () => this.agent.process,
            () => {
              if (arrived || attempt !== this.#attempt) return;
              arrived = true;
              this.#ask(primary, record, (health) => {
                this.#busyUntil = 0;
                if (health.healthy && !this.agent.isLostVoter()) this.#swap(primary, record, wal, timelines);
              });
            },
          );
        },
      );
    });
  }

  #swap(primary: SimNode, record: GroupRecord, wal: number[], timelines: TimelineStart[]): void {
    const { node } = this;
    node.postgres.vanish();
    this.world.checker.dataDeleted(node, primary, record.epoch);
    const { data } = node.disk;
    data.wal = wal;
    data.flushed = wal.length;
    data.timelines = timelines;
    data.standbySignal = true;
    data.present = true;
    node.disk.known = true;
    this.world.fired('base backup');
    this.agent.startStandby();
  }
}
