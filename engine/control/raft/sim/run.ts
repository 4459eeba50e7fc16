/**
 * One seeded run: a safety phase with faults, then everything heals, then a liveness phase that must make progress and converge. Checkers look on all
 * the time; the first violation throws with the seed.
 */
import type { RaftConfiguration } from '../../store';
import { configurationOf } from '../core/configuration';
import { lastIndex } from '../core/log';
import { memberKey } from '../core/model';
import { Agent, Client } from './actors';
import { HistoryChecker, LeaseChecker, LogChecker, ReferenceChecker, Violation } from './checkers';
import { SimDisk } from './disk';
import { Dice, Timeline } from './events';
import { type FaultKind, Faults } from './faults';
import { Network } from './network';
import { type Pace, SimNode, type World } from './node';

export type RunResult = {
  readonly seed: number;
  readonly deliveries: number;
  readonly faults: number;
  readonly leaderLosses: number;
  readonly operations: number;
  readonly takeovers: number;
  readonly virtualMs: number;
  /** Enough happened for the run to count. */
  readonly counts: boolean;
  readonly fired: ReadonlyMap<string, number>;
};

/** To look for one mistake: only these faults, at this pace. */
export type Aim = { readonly faults?: readonly FaultKind[]; readonly pace?: Pace };

export const thresholds = { deliveries: 5000, faults: 20, leaderLosses: 1 } as const;
const groups = ['g0', 'g1'] as const;
const safetyLimitMs = 60_000;
/** A hunt for one mistake begins anew with another seed rather than wait for much to happen. */
const aimedLimitMs = { fast: 12_000, slow: 40_000 } as const;
const livenessLimitMs = 60_000;

/** @throws Violation or InvariantViolation */
export function runSeed(seed: number, aim: Aim = {}): Promise<RunResult> {
  return new Run(seed, aim).execute();
}

class Run {
  readonly #timeline = new Timeline();
  readonly #dice: Dice;
  readonly #fired = new Map<string, number>();
  readonly #history = new HistoryChecker();
  readonly #leases = new LeaseChecker();
  readonly #nodes: SimNode[];
  readonly #network: Network;
  readonly #faults: Faults;
  readonly #clients: Client[];
  readonly #agents: Agent[];
  #leaderLosses = 0;
  #lastLeader: string | null = null;

  constructor(
    private readonly seed: number,
    private readonly aim: Aim,
  ) {
    this.#dice = new Dice(seed);
    const timeline = this.#timeline;
    const dice = this.#dice;
    const fired = (what: string) => void this.#fired.set(what, (this.#fired.get(what) ?? 0) + 1);
    this.#network = new Network({ timeline, dice, fired });
    // Disks differ: a slow one keeps everything that waits for it open for long.
    const slowDisk = dice.pick([0.02, 0.02, 0.3]);
    let inodes = 0;
    const pace = aim.pace ?? (dice.chance(0.1) ? 'slow' : 'fast');
    fired(`pace: ${pace}`);
    const world: World = {
      timeline,
      dice,
      fired,
      logs: new LogChecker(),
      reference: new ReferenceChecker(),
      pace,
      network: this.#network,
      syncMs: () => (dice.chance(slowDisk) ? dice.between(5, 120) : dice.between(0.1, 2)),
      nextInode: () => ++inodes,
      nodes: () => this.#nodes,
    };
    const size = 4 + dice.below(2);
    this.#nodes = Array.from({ length: size }, (_, at) => new SimNode(`n${at + 1}`, world));
    // A majority of one and of two are different rules.
    const founders = dice.chance(0.12) ? dice.pick([1, 2]) : dice.chance(0.4) ? 3 : size;
    const voters = this.#nodes.slice(0, founders).map((node) => node.member);
    const bootstrap: RaftConfiguration = { voters, learners: [] };
    fired(`${founders} voters`);
    for (const node of this.#nodes) {
      node.clock.drift(dice.between(0.97, 1.03));
      if (voters.some((voter) => voter.id === node.id)) node.found(bootstrap);
      node.start();
    }
    const stage = {
      timeline,
      dice,
      network: this.#network,
      nodes: this.#nodes,
      history: this.#history,
      leases: this.#leases,
      fired,
      paused: (id: string) => this.#agents[this.#nodes.findIndex((node) => node.id === id)]!.paused(),
      newDisk: () => new SimDisk(world),
    };
    this.#faults = new Faults(stage, bootstrap, aim.faults);
    const thinkMs = pace === 'slow' ? [120, 240] : [8, 25];
    this.#clients = [1, 2, 3].map((n) => new Client(stage, `c${n}`, dice.pick(thinkMs), dice.pick([150, 1500])));
    this.#agents = this.#nodes.map((node) => new Agent(stage, node, groups));
  }

  async execute(): Promise<RunResult> {
    for (const actor of this.#clients) actor.next();
    for (const agent of this.#agents) agent.run();
    this.#faults.run();
    this.#faults.operate();
    this.#watchLeader();
    await this.#timeline.run(this.aim.faults ? aimedLimitMs[this.aim.pace ?? 'fast'] : safetyLimitMs, () =>
      this.#enough(),
    );
    this.#faults.heal();
    await this.#liveWithoutRoom();
    await this.#live();
    const deliveries = this.#network.delivered;
    const faults = this.#faults.count;
    return {
      seed: this.seed,
      deliveries,
      faults,
      leaderLosses: this.#leaderLosses,
      operations: this.#history.reads + this.#history.writes,
      takeovers: this.#leases.handovers,
      virtualMs: Math.round(this.#timeline.now),
      counts:
        deliveries >= thresholds.deliveries &&
        faults >= thresholds.faults &&
        this.#leaderLosses >= thresholds.leaderLosses,
      fired: this.#fired,
    };
  }

  #enough(): boolean {
    return (
      this.#network.delivered >= thresholds.deliveries &&
      this.#faults.count >= thresholds.faults &&
      this.#leaderLosses >= thresholds.leaderLosses
    );
  }

  #watchLeader(): void {
    this.#timeline.after(50, () => {
      const leader = this.#faults.leader()?.member.incarnation ?? null;
      if (this.#lastLeader !== null && leader !== this.#lastLeader) this.#leaderLosses++;
      this.#lastLeader = leader;
      this.#watchLeader();
    });
  }

  /** Of an otherwise healthy store only the leader's disk is full: another leads, and writes go on. */
  async #liveWithoutRoom(): Promise<void> {
    if (!this.#dice.chance(0.3)) return;
    await this.#timeline.run(this.#timeline.now + 3000, () => this.#allVote());
    const leader = this.#faults.leader();
    if (!leader || !this.#allVote()) return;
    this.#fired.set('only the leader without room', 1);
    leader.disk.full = true;
    const before = this.#history.writes;
    const good = await this.#timeline.run(this.#timeline.now + 15_000, () => this.#history.writes >= before + 8);
    leader.disk.full = false;
    if (!good) throw new Violation('liveness', `no writes while only the leader's disk is full: ${this.#describe()}`);
  }

  /**
   * Three voters or more, all of them there and all of them knowing it: until a third one has the entry that makes it a voter, two decide, and both are
   * needed. One whose disk was lost and that nobody told so yet knows nothing and may not vote.
   */
  #allVote(): boolean {
    const leader = this.#faults.leader();
    if (!leader) return false;
    const votersOf = (node: SimNode) => configurationOf(node.state!).voters.map(memberKey);
    const voters = votersOf(leader);
    const told = this.#nodes.filter(
      (node) =>
        node.running && node.state !== null && lastIndex(node.state.log) > 0 && votersOf(node).join() === voters.join(),
    );
    const keys = told.map((node) => memberKey(node.member));
    return voters.length >= 3 && voters.every((voter) => keys.includes(voter));
  }

  /** Healed: every client gets answers, every lease finds a holder, the membership is as wanted, all members agree. */
  async #live(): Promise<void> {
    const before = this.#clients.map((client) => client.done);
    const until = this.#timeline.now + livenessLimitMs;
    const good = await this.#timeline.run(
      until,
      () =>
        this.#clients.every((client, at) => client.done >= before[at]! + 5) &&
        groups.every((group) => this.#agents.some((agent) => agent.holds(group))) &&
        this.#membershipSettled(),
    );
    if (!good)
      throw new Violation(
        'liveness',
        `no progress within ${livenessLimitMs} ms after everything healed: ${this.#describe()}`,
      );
    const settled = await this.#timeline.run(this.#timeline.now + 20_000, () => this.#converged());
    if (!settled) throw new Violation('liveness', `members do not converge: ${this.#describe()}`);
    this.#nothingLost();
  }

  #membershipSettled(): boolean {
    const leader = this.#faults.leader();
    if (!leader) return false;
    const voters = configurationOf(leader.state!).voters.map(memberKey);
    return [...this.#faults.wantedVoters].every((id) => {
      const node = this.#nodes.find((candidate) => candidate.id === id)!;
      return voters.includes(memberKey(node.member));
    });
  }

  #converged(): boolean {
    const leader = this.#faults.leader();
    if (!leader) return false;
    const applied = leader.store!.status().appliedIndex;
    return this.#nodes.every((node) => node.running && node.store!.status().appliedIndex === applied);
  }

  #nothingLost(): void {
    const [first, ...others] = this.#nodes;
    const contents = (node: SimNode) => JSON.stringify([node.store!.localState().revision, node.store!.localList('')]);
    const text = contents(first!);
    for (const node of others) {
      if (contents(node) !== text) throw new Violation('state-machine safety', `${first!.id} and ${node.id} differ`);
    }
    for (const [key, revision] of this.#history.acknowledged()) {
      const held = first!.store!.localGet(key)?.modRevision ?? 0;
      if (held < revision)
        throw new Violation('durability', `${key} was acknowledged at ${revision}, the store holds ${held}`);
    }
  }

  #describe(): string {
    return this.#nodes
      .map((node) => {
        const { state } = node;
        if (!state) return `${node.id} ${node.alive ? 'starting' : 'down'}${node.lost ? ' (lost)' : ''}`;
        return `${node.member.incarnation} ${state.role} term ${state.term} applied ${state.appliedIndex}/${state.log.base + state.log.length} voters ${configurationOf(
          state,
        )
          .voters.map((voter) => voter.incarnation)
          .join('+')}`;
      })
      .join('; ');
  }
}
