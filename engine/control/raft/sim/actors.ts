/** Who uses the store in the simulation: clients that read and swap, and node agents that take, renew and give back group leases. */
import type { KeyValue, Txn } from '../../store';
import type { HistoryChecker, LeaseChecker } from './checkers';
import type { Dice, Timeline } from './events';
import type { Network } from './network';
import { type SimNode, type TxnAnswer, timings } from './node';

export type Stage = {
  readonly timeline: Timeline;
  readonly dice: Dice;
  readonly network: Network;
  readonly nodes: readonly SimNode[];
  readonly history: HistoryChecker;
  readonly leases: LeaseChecker;
  readonly fired: (what: string) => void;
};

/** Clients find the leader by asking around: they may meet one that no longer is. */
function someLeader(stage: Stage): SimNode | undefined {
  const leaders = stage.nodes.filter((node) => node.state?.role === 'leader');
  return leaders.length > 0 ? stage.dice.pick(leaders) : undefined;
}

const keys = ['k/0', 'k/1', 'k/2'] as const;

/** Closed loop: one question at a time, the same transaction again (same id) when its outcome is not known. */
export class Client {
  #count = 0;
  #seen = new Map<string, KeyValue>();
  done = 0;

  constructor(
    private readonly stage: Stage,
    private readonly name: string,
    private readonly thinkMs: number,
    private readonly patienceMs: number,
  ) {}

  next(): void {
    const { timeline, dice } = this.stage;
    timeline.after(dice.between(0.5, 1.5) * this.thinkMs, () => {
      const key = dice.pick(keys);
      if (dice.chance(0.4)) this.#read(key);
      else this.#swap(key);
    });
  }

  #read(key: string): void {
    const { history } = this.stage;
    const leader = someLeader(this.stage);
    if (!leader) {
      this.next();
      return;
    }
    const floor = history.asked(key);
    this.#ask<{ readonly pair: KeyValue | null; readonly ok: boolean }>(
      (answered) => leader.whenRunning(() => leader.read(key, (pair, ok) => answered({ pair, ok }))),
      (answer) => {
        if (answer?.ok) {
          history.answered(key, floor, answer.pair?.modRevision ?? 0, answer.pair && String(answer.pair.value));
          if (answer.pair) this.#seen.set(key, answer.pair);
          this.done++;
        }
        this.next();
      },
    );
  }

  #swap(key: string): void {
    const value = `${this.name}-${this.#count++}`;
    const expected = this.#seen.get(key)?.modRevision ?? 0;
    const txn: Txn = { compare: [{ key, modRevision: expected }], mutations: [{ kind: 'put', key, value }] };
    const floor = this.stage.history.asked(key);
    this.#try({ key, value, expected, txn, floor }, 4);
  }

  #try(
    swap: {
      readonly key: string;
      readonly value: string;
      readonly expected: number;
      readonly txn: Txn;
      readonly floor: number;
    },
    left: number,
  ): void {
    const { history, timeline, dice, fired } = this.stage;
    const again = () => {
      if (left === 0) {
        this.next();
        return;
      }
      fired('same transaction asked again');
      timeline.after(dice.between(20, 400), () => this.#try(swap, left - 1));
    };
    const leader = someLeader(this.stage);
    if (!leader) {
      again();
      return;
    }
    this.#ask<TxnAnswer>(
      (answered) => leader.whenRunning(() => leader.txn(swap.value, swap.txn, answered)),
      (answer) => {
        if (answer?.kind !== 'applied' || answer.applied.kind !== 'done') {
          again();
          return;
        }
        const { result } = answer.applied;
        this.done++;
        if (result.succeeded) history.swapped(swap.key, swap.expected, result.revision, swap.value);
        else {
          history.refused(swap.key, swap.value);
          const current = result.current[0];
          history.answered(swap.key, swap.floor, current?.modRevision ?? 0, current ? String(current.value) : null);
        }
        const now = result.current[0];
        if (now) this.#seen.set(swap.key, now);
        this.next();
      },
    );
  }

  /** There and back with a delay each; null when nothing came in time. A client reaches every node. */
  #ask<T>(ask: (answered: (answer: T) => void) => void, then: (answer: T | null) => void): void {
    const { timeline, dice } = this.stage;
    let open = true;
    const finish = (answer: T | null) => {
      if (open) {
        open = false;
        then(answer);
      }
    };
    timeline.after(dice.between(0.1, 1), () =>
      ask((answer) => timeline.after(dice.between(0.1, 1), () => finish(answer))),
    );
    timeline.after(this.patienceMs, () => finish(null));
  }
}

/** A holder gives up this share of the lease before its end: drift of both clocks. */
const holdShare = 0.9;
const renewEveryMs = 250;

type Belief = { readonly epoch: number; readonly until: number; readonly life: number };

/** One node's agent: holds leases while its own clock allows, renews, releases, and takes what it may. */
export class Agent {
  readonly #beliefs = new Map<string, Belief>();
  /** group/epoch that this node gave back: never believed again. */
  readonly #released = new Set<string>();
  #count = 0;
  #lastLeader: string | undefined;

  constructor(
    private readonly stage: Stage,
    private readonly node: SimNode,
    private readonly groups: readonly string[],
  ) {}

  run(): void {
    const { timeline, dice } = this.stage;
    timeline.after(renewEveryMs * dice.between(0.8, 1.2), () => {
      if (this.node.running) for (const group of this.groups) this.#cycle(group);
      this.run();
    });
  }

  holds(group: string): boolean {
    const belief = this.#beliefs.get(group);
    return belief !== undefined && belief.life === this.node.life && this.node.clock() < belief.until;
  }

  #cycle(group: string): void {
    const pair = this.node.kv.values.get(`groups/${group}`);
    const record = pair?.value as
      | { readonly epoch: number; readonly primary: string; readonly leaseReleased: boolean }
      | undefined;
    const mine = record?.primary === this.node.id && !record.leaseReleased;
    const { dice } = this.stage;
    // A release that got lost is repeated: who has stopped must not renew.
    const stopped = this.#released.has(`${group}/${record?.epoch}`);
    if (mine && (stopped || dice.chance(0.03))) this.#release(group, record.epoch, pair!.modRevision);
    else if (mine) this.#renew(group, record.epoch);
    else if (dice.chance(0.2)) this.#take(group, record?.epoch ?? 0, pair?.modRevision ?? 0);
  }

  #believe(group: string, epoch: number, sentAt: number, life: number): void {
    const until = sentAt + timings.leaseMs * holdShare;
    // Checked after the answer came, right before it is relied on.
    if (life !== this.node.life || this.node.clock() >= until) return;
    const known = this.#beliefs.get(group);
    if (known && known.life === life && known.epoch > epoch) return;
    this.#beliefs.set(group, { epoch, until, life });
    this.stage.leases.believes(group, this.node.id, () => this.holds(group));
  }

  #renew(group: string, epoch: number): void {
    const sentAt = this.node.clock();
    const { life } = this.node;
    this.#askLeader((leader, answered) =>
      leader.renew(group, epoch, this.node.id, (answer) =>
        answered(() => {
          if (answer === 'ok' && !this.#released.has(`${group}/${epoch}`)) this.#believe(group, epoch, sentAt, life);
        }),
      ),
    );
  }

  #release(group: string, epoch: number, modRevision: number): void {
    // Everything is stopped before the record says so, and nothing of this epoch is believed again.
    this.#beliefs.delete(group);
    this.#released.add(`${group}/${epoch}`);
    this.stage.fired('lease released');
    const value = { epoch, primary: this.node.id, leaseReleased: true };
    this.#write(group, modRevision, { value }, () => undefined);
  }

  #take(group: string, epoch: number, modRevision: number): void {
    const sentAt = this.node.clock();
    const { life } = this.node;
    const value = { epoch: epoch + 1, primary: this.node.id, leaseReleased: false };
    const grants = { group, epoch: epoch + 1, holder: this.node.id };
    this.#write(group, modRevision, { value, leaseGuard: { group, epoch }, grants }, () => {
      // The record may have been seen, and the lease given back, before the answer of the grant came: a late answer revives nothing.
      if (!this.#released.has(`${group}/${epoch + 1}`)) this.#believe(group, epoch + 1, sentAt, life);
    });
  }

  #write(
    group: string,
    modRevision: number,
    what: Pick<Txn, 'leaseGuard' | 'grants'> & {
      readonly value: { readonly [key: string]: string | number | boolean };
    },
    done: () => void,
  ): void {
    const { value, ...rest } = what;
    const key = `groups/${group}`;
    const txn: Txn = { compare: [{ key, modRevision }], mutations: [{ kind: 'put', key, value }], ...rest };
    const id = `${this.node.member.incarnation}/${this.node.life}/${this.#count++}`;
    this.#askLeader((leader, answered) =>
      leader.txn(id, txn, (answer) =>
        answered(() => {
          if (answer.kind === 'applied' && answer.applied.kind === 'done' && answer.applied.result.succeeded) done();
        }),
      ),
    );
  }

  /** Over the same network as everything else: an agent asks the leader that its own member knows or knew. */
  #askLeader(ask: (leader: SimNode, answered: (job: () => void) => void) => void): void {
    const { network, nodes } = this.stage;
    // Who knows no leader asks the last one it knew: whoever is asked must know better.
    const to = this.node.state?.leader?.id ?? this.#lastLeader;
    this.#lastLeader = to;
    const leader = nodes.find((node) => node.id === to);
    if (!leader) return;
    const { life } = this.node;
    network.carry(this.node.id, leader.id, () => {
      leader.whenRunning(() =>
        ask(leader, (job) =>
          network.carry(leader.id, this.node.id, () => {
            if (this.node.life === life) this.node.whenRunning(job);
          }),
        ),
      );
    });
  }
}
