/**
 * One simulated node: a clock, a disk and a process in which the real control store runs (RaftControlStore with its runtime, persist queue and log
 * storage). Nothing of the store is modelled here; what checkers look at comes through the runtime's tap.
 */
import type { Interconnect } from '../../../interconnect/api';
import { ClusterError } from '../../../kernel/errors';
import type { Logger } from '../../../kernel/log';
import type { RaftConfiguration, RaftMember } from '../../store';
import { configurationOf } from '../core/configuration';
import { termAt } from '../core/log';
import { defaultLimits, type Effect, memberKey, type RaftState } from '../core/model';
import { StorageError } from '../log-storage';
import { RaftControlStore } from '../raft-store';
import type { LogChecker, ReferenceChecker } from './checkers';
import { type DiskWorld, SimDisk } from './disk';
import type { Dice, Timeline } from './events';
import { SimInterconnect } from './interconnect';
import type { Network } from './network';
import { NodeClock, SimProcess } from './process';

export const timings = { heartbeatMs: 100, electionMs: 500, leaseMs: 2000 } as const;
/** Small bounds, so that every one of them is met. */
const limits = {
  ...defaultLimits,
  keepBehind: 20,
  keepBehindChars: 3000,
  chunkChars: 200,
  maxInflight: 8,
  maxBatchBytes: 150,
};
/** A slow run has few transactions between long stretches without a snapshot, and remembers few of them. */
export const paces = {
  fast: { snapshotEvery: 60, seenLimit: 4096 },
  slow: { snapshotEvery: 400, seenLimit: 100 },
} as const;
export type Pace = keyof typeof paces;
const maxSegmentBytes = 6000;
const sliceChars = 300;

export type World = DiskWorld & {
  readonly timeline: Timeline;
  readonly dice: Dice;
  readonly logs: LogChecker;
  readonly reference: ReferenceChecker;
  readonly pace: Pace;
  readonly network: Network;
  readonly nodes: () => readonly SimNode[];
};

const quiet = () => undefined;
const silent = { fatal: quiet, error: quiet, warn: quiet, info: quiet, debug: quiet } as unknown as Logger;

export class SimNode {
  member: RaftMember;
  disk: SimDisk;
  readonly clock: NodeClock;
  process: SimProcess | null = null;
  /** Set once it has read its disk. */
  store: RaftControlStore | null = null;
  state: RaftState | null = null;
  interconnect: SimInterconnect | null = null;
  /** Counts lives of the process. */
  life = 0;
  /** The storage refused the directory, or the core said that it was emptied: it must come back as another member. */
  lost = false;
  /** Its disk was emptied or exchanged for an old copy. */
  forgot = false;
  /** Every configuration that this member has known: what may be on its disk. */
  readonly known: { readonly index: number; readonly configuration: RaftConfiguration }[] = [];
  #transactions = 0;
  #founding: RaftConfiguration | null = null;

  constructor(
    readonly id: string,
    private readonly world: World,
  ) {
    this.member = { id, incarnation: `${id}.1` };
    this.disk = new SimDisk(world);
    this.clock = new NodeClock(world.timeline, world.dice.between(0, 1e6));
  }

  get alive(): boolean {
    return this.process !== null;
  }

  get running(): boolean {
    return this.store !== null && !this.process!.frozen;
  }

  get leads(): boolean {
    return this.running && this.store!.isLeader();
  }

  /** Has it begin with `configuration` at its starts, until its store was begun once (as `engine/node/founded.ts` does). */
  found(configuration: RaftConfiguration): void {
    this.#founding = configuration;
  }

  start(): void {
    if (this.alive || this.lost) return;
    const { timeline, dice, network } = this.world;
    this.life++;
    const process = new SimProcess(timeline, dice, this.clock);
    this.process = process;
    const find = (id: string) => this.world.nodes().find((node) => node.id === id)?.interconnect ?? null;
    const interconnect = new SimInterconnect(this.member, process, network, find);
    this.interconnect = interconnect;
    const store = new RaftControlStore({
      self: this.member,
      directory: 'raft',
      bootstrap: this.#founding,
      interconnect: interconnect as unknown as Interconnect,
      logger: silent,
      timings,
      onFatal: (error) => this.#ended(error),
      ...paces[this.world.pace],
      limits,
      requestMs: 1200,
      loop: process,
      disk: this.disk.for(process),
      maxSegmentBytes,
      sliceChars,
      newId: () => `${this.member.incarnation}/${this.life}/${this.#transactions++}`,
      tap: (state, effects) => this.#look(state, effects),
    });
    store.start().then(
      () => {
        if (process.ended) return;
        this.#founding = null;
        this.store = store;
      },
      (error: Error) => {
        if (!process.ended) this.#ended(error);
      },
    );
  }

  /** SIGKILL, or the host loses power. */
  crash(how: 'killed' | 'power' = 'killed'): void {
    if (!this.alive) return;
    if (how === 'power') this.disk.powerLost();
    else this.disk.killed();
    this.#gone();
  }

  /** As SIGTERM asks it to. */
  stop(): void {
    const { process, store } = this;
    if (!store || !process) return;
    process.run(() => {
      void store.stop().then(() => {
        if (process.ended) return;
        this.world.fired('clean stop');
        this.#gone();
      });
    });
  }

  freeze(): void {
    this.process?.freeze();
  }

  thaw(): void {
    this.clock.goOn();
    this.process?.thaw();
  }

  #gone(): void {
    this.process?.end();
    this.process = null;
    this.store = null;
    this.state = null;
    this.interconnect = null;
    this.disk.beforeWrite = null;
    this.clock.goOn();
  }

  /** The process says that it can't go on; a supervisor would start it again, but for what only an operator can mend. */
  #ended(error: Error): void {
    const { fired, timeline } = this.world;
    const refused = error instanceof StorageError && /is a copy|belongs to/.test(error.message);
    const emptied = /was emptied/.test(error.message);
    if (refused || emptied) {
      fired(emptied ? 'refused emptied' : 'refused copy');
      this.lost = true;
    } else if (error.name === 'DiskFailure' || error.name === 'DiskFull') fired(`ended: ${error.name}`);
    else timeline.violation ??= error;
    this.disk.killed();
    this.#gone();
  }

  // -------------------------------------------------------------- what checkers see
  #look(state: RaftState, effects: readonly Effect[]): void {
    try {
      this.#check(state, effects);
    } catch (error) {
      this.world.timeline.violation ??= error as Error;
    }
  }

  #check(state: RaftState, effects: readonly Effect[]): void {
    const { logs, fired, reference } = this.world;
    if (state.snapshot && state.snapshot !== this.state?.snapshot)
      reference.snapshot(memberKey(this.member), state.snapshot);
    this.state = state;
    const latest = state.configurations[state.configurations.length - 1];
    if (latest && this.known[this.known.length - 1] !== latest) this.known.push(latest);
    for (const effect of effects) {
      if (effect.kind === 'persist' && effect.entries[0]) {
        logs.appended(effect.entries, termAt(state.log, effect.entries[0].index - 1));
      } else if (effect.kind === 'restore') fired('snapshot installed');
      else if (effect.kind === 'role' && effect.role === 'leader') {
        logs.leaderElected(memberKey(this.member), effect.term, (index) => termAt(state.log, index));
      } else if (effect.kind === 'apply') {
        reference.applied(effect.entries);
        if (logs.applied(memberKey(this.member), effect.entries)) this.#newestCommitted();
      }
    }
  }

  #newestCommitted(): void {
    for (const node of this.world.nodes()) {
      const { state } = node;
      if (state?.role !== 'leader') continue;
      this.world.logs.leaderHolds(memberKey(node.member), state.term, (index) => termAt(state.log, index));
    }
  }

  voters(): readonly RaftMember[] {
    return this.state ? configurationOf(this.state).voters : [];
  }
}

export function isRetryable(error: unknown): boolean {
  return error instanceof ClusterError;
}
