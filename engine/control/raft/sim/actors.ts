/** Who uses the store in the simulation: clients that read and swap, and node agents that take, renew, resize and give back group leases. */
import type { Json, KeyValue, Txn, TxnResult } from '../../store';
import type { HistoryChecker, LeaseChecker } from './checkers';
import type { Dice, Timeline } from './events';
import { isRetryable, type SimNode } from './node';

export type Stage = {
  readonly timeline: Timeline;
  readonly dice: Dice;
  readonly nodes: readonly SimNode[];
  readonly history: HistoryChecker;
  readonly leases: LeaseChecker;
  readonly fired: (what: string) => void;
};

const keys = ['k/0', 'k/1', 'k/2'] as const;
/** Written without a look at what is there: written twice, it would show. */
const overwritten = 'k/3';

/** Closed loop: one question at a time, of any node, whether it leads or not. */
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
      if (dice.chance(0.4)) this.#read(dice.pick([...keys, overwritten]), dice.chance(0.3));
      else if (dice.chance(0.2)) this.#put(overwritten);
      else this.#swap(dice.pick(keys));
    });
  }

  #put(key: string): void {
    const { history } = this.stage;
    const value = `${this.name}-${this.#count++}`;
    const floor = history.asked(key);
    this.#ask<TxnResult>(
      (store) => store.txn({ compare: [], mutations: [{ kind: 'put', key, value }] }),
      ({ revision }) => history.put(key, floor, revision, value),
    );
  }

  #read(key: string, list: boolean): void {
    const { history } = this.stage;
    const floor = history.asked(key);
    this.#ask(
      async (store) => (list ? ((await store.list('k/')).find((pair) => pair.key === key) ?? null) : store.get(key)),
      (pair) => {
        history.answered(key, floor, pair?.modRevision ?? 0, pair && String(pair.value));
        if (pair) this.#seen.set(key, pair);
      },
    );
  }

  #swap(key: string): void {
    const { history } = this.stage;
    const value = `${this.name}-${this.#count++}`;
    const expected = this.#seen.get(key)?.modRevision ?? 0;
    const txn: Txn = { compare: [{ key, modRevision: expected }], mutations: [{ kind: 'put', key, value }] };
    const floor = history.asked(key);
    this.#ask<TxnResult>(
      (store) => store.txn(txn),
      (result) => {
        if (result.succeeded) history.swapped(key, expected, result.revision, value);
        else {
          history.refused(key, value);
          const current = result.current[0];
          history.answered(key, floor, current?.modRevision ?? 0, current ? String(current.value) : null);
        }
        const now = result.current[0];
        if (now) this.#seen.set(key, now);
      },
    );
  }

  /** There and back with a delay each; then the next question, answered or not. An error says nothing about what happened. */
  #ask<T>(ask: (store: NonNullable<SimNode['store']>) => Promise<T>, then: (answer: T) => void): void {
    const { timeline, dice, nodes } = this.stage;
    let open = true;
    const finish = (job: () => void) => {
      if (!open) return;
      open = false;
      guarded(timeline, job);
      this.next();
    };
    const node = dice.pick(nodes);
    const { process } = node;
    timeline.after(dice.between(0.1, 1), () =>
      process?.run(() => {
        if (!node.store) return;
        ask(node.store).then(
          (answer) => {
            if (process.ended) return;
            timeline.after(dice.between(0.1, 1), () =>
              finish(() => {
                this.done++;
                then(answer);
              }),
            );
          },
          (error: Error) => {
            if (!isRetryable(error)) timeline.violation ??= error;
          },
        );
      }, true),
    );
    timeline.after(this.patienceMs, () => finish(() => undefined));
  }
}

/** A holder gives up this share of the lease before its end: drift of both clocks. */
const holdShare = 0.9;
const renewEveryMs = 250;
const lengths = [2000, 1200, 5000] as const;

type Belief = { readonly epoch: number; readonly until: number; readonly life: number };
type GroupRecord = {
  readonly epoch: number;
  readonly primary: string;
  readonly leaseReleased: boolean;
  readonly leaseMs: number;
};

/** One node's agent: holds leases while its own clock allows, renews, releases, and takes what it may. */
export class Agent {
  readonly #beliefs = new Map<string, Belief>();
  /** group/epoch that this node gave back: never believed again. */
  readonly #released = new Set<string>();
  /** group/epoch → the length that it goes by while the record still says a longer one. */
  readonly #shorter = new Map<string, number>();

  constructor(
    private readonly stage: Stage,
    private readonly node: SimNode,
    private readonly groups: readonly string[],
  ) {}

  run(): void {
    const { timeline, dice } = this.stage;
    timeline.after(renewEveryMs * dice.between(0.8, 1.2), () => {
      const { process } = this.node;
      process?.run(() => {
        for (const group of this.groups) guarded(timeline, () => this.#cycle(group));
      }, true);
      this.run();
    });
  }

  holds(group: string): boolean {
    const belief = this.#beliefs.get(group);
    return belief !== undefined && belief.life === this.node.life && this.node.clock.now() < belief.until;
  }

  /** Its virtual machine was paused with both clocks: no clock tells it, so what it serves is fenced by promises, not by the lease. */
  paused(): void {
    this.#beliefs.clear();
  }

  #cycle(group: string): void {
    const { store } = this.node;
    if (!store) return;
    const pair = store.localGet(`groups/${group}`);
    const record = pair?.value as unknown as GroupRecord | undefined;
    const mine = record?.primary === this.node.id && !record.leaseReleased;
    const { dice } = this.stage;
    // A release that got lost is repeated: who has stopped must not renew.
    const stopped = this.#released.has(`${group}/${record?.epoch}`);
    if (mine && (stopped || dice.chance(0.03))) this.#release(group, record, pair!.modRevision);
    else if (mine && dice.chance(0.05)) this.#resize(group, record, pair!.modRevision);
    else if (mine) this.#renew(group, record.epoch);
    else if (dice.chance(0.2)) this.#take(group, record?.epoch ?? 0, pair?.modRevision ?? 0);
  }

  #believe(group: string, epoch: number, grant: { sentAt: number; life: number; leaseMs: number }): void {
    const shorter = this.#shorter.get(`${group}/${epoch}`) ?? Number.POSITIVE_INFINITY;
    const until = grant.sentAt + Math.min(grant.leaseMs, shorter) * holdShare;
    // Checked after the answer came, right before it is relied on.
    if (grant.life !== this.node.life || this.node.clock.now() >= until) return;
    const known = this.#beliefs.get(group);
    if (known && known.life === grant.life && known.epoch > epoch) return;
    this.#beliefs.set(group, { epoch, until, life: grant.life });
    this.stage.leases.believes(group, this.node.id, () => this.holds(group));
  }

  #renew(group: string, epoch: number): void {
    const sentAt = this.node.clock.now();
    const { life } = this.node;
    this.#asked(this.node.store!.renewLease(group, epoch, this.node.id), (answer) => {
      if (!answer.ok) this.stage.fired(`renewal ${answer.reason}`);
      else if (!this.#released.has(`${group}/${epoch}`)) {
        this.#believe(group, epoch, { sentAt, life, leaseMs: answer.leaseMs });
      }
    });
  }

  #release(group: string, record: GroupRecord, modRevision: number): void {
    // Everything is stopped before the record says so, and nothing of this epoch is believed again.
    this.#beliefs.delete(group);
    this.#released.add(`${group}/${record.epoch}`);
    this.stage.fired('lease released');
    this.#write(group, modRevision, { value: { ...record, leaseReleased: true } }, () => undefined);
  }

  /** Longer: in the record first, told by the next answer. Shorter: used first, and in the record once nothing older can still count. */
  #resize(group: string, record: GroupRecord, modRevision: number): void {
    const { dice, fired, timeline } = this.stage;
    const leaseMs = dice.pick(lengths);
    const key = `${group}/${record.epoch}`;
    if (leaseMs === record.leaseMs || this.#shorter.has(key)) return;
    const write = () =>
      this.#write(group, modRevision, { value: { ...record, leaseMs } }, () => fired('lease resized'));
    if (leaseMs > record.leaseMs) {
      write();
      return;
    }
    this.#shorter.set(key, leaseMs);
    const { process } = this.node;
    timeline.after(record.leaseMs * 1.1, () => process?.run(() => this.node.store && write()));
  }

  #take(group: string, epoch: number, modRevision: number): void {
    const sentAt = this.node.clock.now();
    const { life } = this.node;
    const leaseMs = this.stage.dice.pick(lengths);
    const value = { epoch: epoch + 1, primary: this.node.id, leaseReleased: false, leaseMs };
    const grants = { group, epoch: epoch + 1, holder: this.node.id };
    this.#write(group, modRevision, { value, leaseGuard: { group, epoch }, grants }, () => {
      // The record may have been seen, and the lease given back, before the answer of the grant came: a late answer revives nothing.
      if (!this.#released.has(`${group}/${epoch + 1}`)) this.#believe(group, epoch + 1, { sentAt, life, leaseMs });
    });
  }

  #write(
    group: string,
    modRevision: number,
    what: Pick<Txn, 'leaseGuard' | 'grants'> & { readonly value: Json },
    done: () => void,
  ): void {
    const { value, ...rest } = what;
    const key = `groups/${group}`;
    const txn: Txn = { compare: [{ key, modRevision }], mutations: [{ kind: 'put', key, value }], ...rest };
    this.#asked(this.node.store!.txn(txn), (result) => {
      if (result.succeeded) done();
    });
  }

  #asked<T>(answer: Promise<T>, then: (answer: T) => void): void {
    const { process } = this.node;
    const { timeline, fired } = this.stage;
    answer.then(
      (value) => {
        if (!process?.ended) guarded(timeline, () => then(value));
      },
      (error: Error) => {
        if (!isRetryable(error)) timeline.violation ??= error;
        else if (/is still held/.test(error.message)) fired('grant refused under a lease');
      },
    );
  }
}

/** What a checker throws inside somebody's promise ends the run all the same. */
function guarded(timeline: Timeline, job: () => void): void {
  try {
    job();
  } catch (error) {
    timeline.violation ??= error as Error;
  }
}
