/** Everything that goes wrong, at random moments, and is put right some time later. */
import type { RaftConfiguration, RaftMember } from '../../store';
import { configurationOf, isVoter } from '../core/configuration';
import { memberKey } from '../core/model';
import type { SimDisk } from './disk';
import type { Dice, Timeline } from './events';
import type { Network } from './network';
import { isRetryable, type SimNode, timings } from './node';
import { commitUntold, grantInFlight, holderFrozen, leaderAheadOfItsDisk, type Means, withBareMajority } from './traps';

export const faultKinds = [
  'crash',
  'crash leader',
  'crash in a write',
  'crash in a vote',
  'holder late',
  'power loss',
  'power loss of one',
  'stop',
  'pause of a virtual machine',
  'timings',
  'split',
  'leader frozen beside a holder',
  'freeze',
  'freeze leader',
  'cut one way',
  'isolate',
  'leader can not send',
  'leader can not hear',
  'drop burst',
  'duplicate burst',
  'delay burst',
  'clock drift',
  'fsync error',
  'full disk',
  'full disk of the leader',
  'amnesia',
  'old copy',
  'transfer',
  'membership',
  'leader ahead of its disk',
  'commit untold',
  'holder frozen',
  'crash in a snapshot',
  'grant in flight',
] as const;
export type FaultKind = (typeof faultKinds)[number];

export type FaultStage = {
  readonly timeline: Timeline;
  readonly dice: Dice;
  readonly network: Network;
  readonly nodes: readonly SimNode[];
  readonly fired: (what: string) => void;
  /** The agent of a node, by its id. */
  readonly paused: (id: string) => void;
  readonly newDisk: () => SimDisk;
};

export class Faults {
  count = 0;
  active = true;
  readonly #means: Means;
  /** Ids that should vote; the operator sees to it. */
  readonly wantedVoters: Set<string>;
  #lives = 1;
  #operating = false;

  constructor(
    private readonly stage: FaultStage,
    bootstrap: RaftConfiguration,
    /** Only these: to look for one mistake. */
    private readonly aim: readonly FaultKind[] = faultKinds,
  ) {
    this.#means = {
      stage,
      active: () => this.active,
      cutFor: (ms, links) => this.#cutFor(ms, links),
      later: (low, high, job) => this.#later(low, high, job),
      crash: (node, how) => this.#crash(node, how),
    };
    this.wantedVoters = new Set(bootstrap.voters.map((voter) => voter.id));
  }

  run(): void {
    const { timeline, dice } = this.stage;
    timeline.after(dice.between(60, 650), () => {
      if (!this.active) return;
      const kind = dice.pick(this.aim);
      if (this.#inject(kind)) {
        this.count++;
        this.stage.fired(`fault: ${kind}`);
      }
      this.run();
    });
  }

  /** Ends every fault. */
  heal(): void {
    this.active = false;
    this.stage.network.becomePerfect();
    for (const node of this.stage.nodes) {
      node.disk.full = false;
      node.disk.failNextSync = false;
      node.disk.slowerMs = 0;
      node.disk.beforeWrite = null;
      node.thaw();
      node.start();
      node.store?.setTimings(timings);
    }
  }

  leader(): SimNode | undefined {
    return this.stage.nodes.find((node) => node.leads);
  }

  #inject(kind: FaultKind): boolean {
    const { dice, nodes, network } = this.stage;
    const any = dice.pick(nodes);
    const leader = this.leader();
    switch (kind) {
      case 'crash':
        return this.#crash(any);
      case 'crash leader':
        return leader !== undefined && this.#crash(leader);
      case 'crash in a write':
        if (!any.running) return false;
        this.#crashInWrite(any, () => true);
        this.#later(300, 1500, () => any.start());
        return true;
      case 'crash in a vote':
        return leader !== undefined && this.#voteTrap(leader);
      case 'holder late':
        return (
          any.alive &&
          this.#cutFor(
            dice.between(1900, 2400),
            nodes.flatMap((node) => pairs(any, node)),
          )
        );
      case 'power loss':
        for (const node of nodes) this.#crash(node, 'power');
        return true;
      case 'power loss of one':
        return this.#crash(any, 'power');
      case 'stop':
        if (!any.running) return false;
        any.stop();
        this.#later(100, 1500, () => any.start());
        return true;
      case 'pause of a virtual machine':
        return this.#pause(dice.chance(0.5) && leader ? leader : any);
      case 'timings':
        return this.#timings();
      case 'split':
        return this.#split(new Set(nodes.filter(() => dice.chance(0.5)).map((node) => node.id)));
      case 'leader frozen beside a holder':
        return leader !== undefined && this.#besideHolder(leader);
      case 'freeze':
        return this.#freeze(any);
      case 'freeze leader':
        return leader !== undefined && this.#freeze(leader);
      case 'cut one way':
        return this.#cut([[any.id, dice.pick(nodes).id]]);
      case 'isolate':
        return this.#cut(nodes.flatMap((node) => pairs(any, node).concat(pairs(node, any))));
      case 'leader can not send':
        return leader !== undefined && this.#cut(nodes.flatMap((node) => pairs(leader, node)));
      case 'leader can not hear':
        return leader !== undefined && this.#cut(nodes.flatMap((node) => pairs(node, leader)));
      case 'drop burst':
        return this.#burst(
          () => (network.dropProbability = 0.25),
          () => (network.dropProbability = 0.005),
        );
      case 'duplicate burst':
        return this.#burst(
          () => (network.duplicateProbability = 0.3),
          () => (network.duplicateProbability = 0.005),
        );
      case 'delay burst':
        return this.#burst(
          () => (network.slowProbability = 0.3),
          () => (network.slowProbability = 0.01),
        );
      case 'clock drift':
        any.clock.drift(dice.between(0.97, 1.03));
        return true;
      case 'fsync error':
        if (!any.running) return false;
        any.disk.failNextSync = true;
        this.#later(500, 2000, () => {
          any.disk.failNextSync = false;
          any.start();
        });
        return true;
      case 'full disk':
        return this.#fullDisk(any);
      case 'full disk of the leader':
        return leader !== undefined && this.#fullDisk(leader);
      case 'amnesia':
        return this.#amnesia(any);
      case 'old copy':
        return this.#oldCopy(any);
      case 'transfer':
        if (!leader) return false;
        this.#asked(leader.store!.transferLeadership(any.id));
        return true;
      case 'membership':
        return this.#membership(leader, any);
      case 'leader ahead of its disk':
        return leader !== undefined && leaderAheadOfItsDisk(this.#means, leader);
      case 'commit untold':
        return leader !== undefined && commitUntold(this.#means, leader);
      case 'holder frozen':
        return leader !== undefined && holderFrozen(this.#means, leader);
      case 'grant in flight':
        return leader !== undefined && grantInFlight(this.#means, leader);
      case 'crash in a snapshot':
        return any.running && this.#crashInSnapshot(any);
    }
  }

  #later(low: number, high: number, job: () => void): void {
    const { timeline, dice } = this.stage;
    timeline.after(dice.between(low, high), () => {
      if (this.active) job();
    });
  }

  #crash(node: SimNode, how: 'killed' | 'power' = 'killed'): boolean {
    if (!node.alive) return false;
    node.crash(how);
    const soon = this.stage.dice.chance(0.3);
    this.#later(soon ? 5 : 20, soon ? 60 : 2500, () => node.start());
    return true;
  }

  /** Dies in the middle of its next write that `matters`. */
  #crashInWrite(
    node: SimNode,
    matters: (bytes: Buffer) => boolean,
    // In the write, in its sync, or when its messages have just left.
    afterMs = () => (this.stage.dice.chance(0.5) ? 0.005 : this.stage.dice.between(0, 3)),
  ): void {
    const { timeline, dice } = this.stage;
    node.disk.beforeWrite = (bytes) => {
      if (!matters(bytes)) return;
      node.disk.beforeWrite = null;
      const { life } = node;
      timeline.after(afterMs(), () => {
        if (node.life === life) node.crash(dice.chance(0.4) ? 'power' : 'killed');
      });
    };
  }

  #fullDisk(node: SimNode): boolean {
    if (!node.running) return false;
    node.disk.full = true;
    const longer = this.stage.dice.chance(0.3);
    this.#later(500, longer ? 5000 : 2500, () => {
      node.disk.full = false;
      node.start();
    });
    return true;
  }

  /** Both clocks stand still, and nothing inside can tell afterwards. */
  #pause(node: SimNode): boolean {
    if (!node.running) return false;
    node.freeze();
    node.clock.stop();
    this.stage.paused(node.id);
    this.#later(300, 6000, () => node.thaw());
    return true;
  }

  /** An operator configures another length of the lease; each node hears of it at its own time. */
  #timings(): boolean {
    const leaseMs = this.stage.dice.pick([1200, 2000, 6000]);
    for (const node of this.stage.nodes) {
      this.#later(0, 400, () => node.process?.run(() => node.store?.setTimings({ ...timings, leaseMs })));
    }
    return true;
  }

  #asked(answer: Promise<unknown>): void {
    answer.catch((error: Error) => {
      if (!isRetryable(error)) this.stage.timeline.violation ??= error;
    });
  }

  /** The leader dies, is back at once and is the only one that the others, who don't hear each other, can ask for a vote; then it dies in it. */
  #voteTrap(leader: SimNode): boolean {
    const { nodes, timeline } = this.stage;
    const others = nodes.filter((node) => node !== leader);
    this.#cutFor(
      1200,
      others.flatMap((a) => others.flatMap((b) => pairs(a, b))),
    );
    leader.crash();
    timeline.after(5, () => {
      if (!this.active) return;
      leader.start();
      this.#crashInVote(leader);
    });
    return true;
  }

  /** Frozen until others have taken over and granted its holder's lease; meanwhile that holder hears nobody else. */
  #besideHolder(leader: SimNode): boolean {
    const { nodes, dice } = this.stage;
    const primaries = ['groups/g0', 'groups/g1'].map(
      (key) => leader.store!.localGet(key)?.value as { readonly primary?: string } | undefined,
    );
    // A voter that hears nobody would campaign, and ask no former leader; its own agent, or that of a learner, still does.
    const voters = configurationOf(leader.state!).voters.map((voter) => voter.id);
    const holder = nodes.find(
      (node) =>
        (node === leader || !voters.includes(node.id)) && primaries.some((record) => record?.primary === node.id),
    );
    if (!holder) return false;
    const ms = dice.between(3300, 4600);
    const side = new Set([leader.id, holder.id]);
    const outside = nodes.filter((node) => !side.has(node.id));
    const inside = nodes.filter((node) => side.has(node.id));
    this.#cutFor(
      ms + 300,
      outside.flatMap((a) => inside.flatMap((b) => pairs(a, b).concat(pairs(b, a)))),
    );
    leader.freeze();
    this.#later(ms, ms, () => leader.thaw());
    return true;
  }

  /** Back at once, so that it could vote again in the same term. */
  #crashInVote(node: SimNode): void {
    // The write that holds a vote for another.
    const own = memberKey(node.member);
    this.#crashInWrite(node, (bytes) => {
      const text = bytes.toString();
      return /"vote":"/.test(text) && !text.includes(`"vote":"${own}"`);
    });
    this.#revive(node);
  }

  /** Once it has died: back at once, while what was sent to its former life still arrives. */
  #revive(node: SimNode, left = 60, first: () => void = () => undefined): void {
    this.#later(3, 15, () => {
      if (!node.alive) {
        first();
        node.start();
      } else if (left > 0) this.#revive(node, left - 1, first);
    });
  }

  /** Dies before its snapshot is whole, with entries behind it that it knows to be committed; old appends still reach its next life. */
  #crashInSnapshot(node: SimNode): boolean {
    const { network, dice } = this.stage;
    node.disk.slowerMs = 20;
    this.#crashInWrite(
      node,
      (bytes) => bytes.includes('"data":"'),
      () => dice.between(20, 300),
    );
    const { life } = node;
    const everybody = dice.chance(0.6);
    this.#revive(node, 300, () => {
      if (everybody && node.life === life) for (const other of this.stage.nodes) this.#crash(other);
    });
    return this.#burst(
      () => {
        network.slowProbability = 0.4;
        network.duplicateProbability = 0.3;
      },
      () => {
        network.slowProbability = 0.01;
        network.duplicateProbability = 0.005;
        node.disk.slowerMs = 0;
      },
    );
  }

  #freeze(node: SimNode): boolean {
    if (!node.running) return false;
    node.freeze();
    this.#later(100, 2800, () => node.thaw());
    return true;
  }

  #cut(links: readonly (readonly [string, string])[]): boolean {
    return this.#cutFor(this.stage.dice.between(100, 1800), links);
  }

  #cutFor(ms: number, links: readonly (readonly [string, string])[]): boolean {
    const real = links.filter(([from, to]) => from !== to);
    for (const [from, to] of real) this.stage.network.cut(from, to);
    this.#later(ms, ms, () => {
      for (const [from, to] of real) this.stage.network.heal(from, to);
    });
    return real.length > 0;
  }

  #split(side: ReadonlySet<string>): boolean {
    const { nodes } = this.stage;
    return this.#cut(
      nodes.flatMap((a) => nodes.filter((b) => side.has(a.id) !== side.has(b.id)).map((b) => [a.id, b.id] as const)),
    );
  }

  #burst(begin: () => void, end: () => void): boolean {
    begin();
    this.#later(200, 1200, end);
    return true;
  }

  /**
   * No protocol survives the loss of a majority's disks, so a majority keeps its memory: one loss at a time, in every configuration that is in force or
   * may come into force, and the one before is replaced in all of them, whether its node is up, down or already another life.
   */
  #mayLose(node: SimNode): boolean {
    const leader = this.leader();
    if (!leader || !node.alive || this.stage.nodes.some((other) => other.lost)) return false;
    const state = leader.state!;
    const latest = state.configurations[state.configurations.length - 1]!;
    if (latest.index > state.commitIndex || !isVoter(latest.configuration, memberKey(node.member))) return false;
    const present = new Set(this.stage.nodes.filter((other) => other.alive).map((other) => memberKey(other.member)));
    return (
      present.size >= 3 &&
      this.#possibleConfigurations(latest.index).every(
        ({ voters }) =>
          voters.length >= 3 && voters.every((voter) => this.stage.nodes.some((other) => remembers(other, voter))),
      )
    );
  }

  /** From a committed one on: what is in any memory or on any disk; a leader that was deposed may not know the newest. */
  #possibleConfigurations(committedIndex: number): readonly RaftConfiguration[] {
    return this.stage.nodes
      .flatMap((node) => node.known)
      .filter(({ index }) => index >= committedIndex)
      .map(({ configuration }) => configuration);
  }

  #amnesia(node: SimNode): boolean {
    if (!this.#mayLose(node)) return false;
    return this.#loseWhileNeeded(node, this.stage.newDisk());
  }

  /** The worst moment: the others but the leader lag, so the lost copy was needed, and then the leader dies. */
  #loseWhileNeeded(node: SimNode, disk: SimDisk): boolean {
    const { dice } = this.stage;
    const leader = this.leader();
    const lose = () => {
      if (!this.#mayLose(node)) return;
      node.crash();
      node.disk = disk;
      node.forgot = true;
      node.start();
    };
    if (!leader || leader === node || dice.chance(0.4)) {
      lose();
      return true;
    }
    withBareMajority(this.#means, leader, node, () => {
      lose();
      this.#crash(leader);
    });
    return true;
  }

  /** Takes a copy of a directory, and some time later puts it back. */
  #oldCopy(node: SimNode): boolean {
    const copy = node.disk.copy();
    const { incarnation } = node.member;
    if (copy.empty || !this.#mayLose(node)) return false;
    this.#later(200, 1200, () => {
      if (node.member.incarnation !== incarnation || !this.#mayLose(node)) return;
      this.stage.fired('old copy restored');
      this.#loseWhileNeeded(node, copy);
    });
    return true;
  }

  #membership(leader: SimNode | undefined, any: SimNode): boolean {
    if (!leader || this.#operating) return false;
    const voters = configurationOf(leader.state!).voters;
    if (!voters.some((voter) => voter.id === any.id)) {
      this.wantedVoters.add(any.id);
      return true;
    }
    if (voters.length < 4) return false;
    this.wantedVoters.delete(any.id);
    this.#operate(leader.store!.removeMember(any.id));
    return true;
  }

  /** What an operator (or the controller) does all the time: gives lost nodes a new life, adds learners, promotes, removes old lives. */
  operate(): void {
    const { timeline, dice, nodes } = this.stage;
    timeline.after(dice.between(100, 300), () => {
      for (const node of nodes) if (node.lost) this.#newLife(node);
      // A crash may come after the restart that was meant for it.
      for (const node of nodes) if (!this.active || dice.chance(0.1)) node.start();
      const leader = this.leader();
      if (leader && !this.#operating) for (const node of nodes) if (this.#admit(leader, node)) break;
      this.operate();
    });
  }

  #newLife(node: SimNode): void {
    node.member = { id: node.id, incarnation: `${node.id}.${++this.#lives}` };
    node.disk = this.stage.newDisk();
    node.known.length = 0;
    node.lost = false;
    node.forgot = false;
    node.start();
  }

  /** One change at a time; a change whose node dies never ends. */
  #operate(answer: Promise<unknown>): void {
    this.#operating = true;
    const done = () => {
      this.#operating = false;
    };
    this.#asked(answer.finally(done));
    this.stage.timeline.after(3000, done);
  }

  #admit(leader: SimNode, node: SimNode): boolean {
    const { voters, learners } = configurationOf(leader.state!);
    const key = memberKey(node.member);
    if (voters.some((member) => memberKey(member) === key)) return false;
    const learns = learners.some((member) => memberKey(member) === key);
    if (learns ? !this.wantedVoters.has(node.id) : !node.alive) return false;
    const { store } = leader;
    this.#operate(learns ? store!.promoteLearner(node.id) : store!.addLearner(node.member));
    return true;
  }
}

/** Down or not, it is still this member, and its disk was neither emptied nor exchanged for an old copy. */
function remembers(node: SimNode, member: RaftMember): boolean {
  return memberKey(node.member) === memberKey(member) && !node.lost && !node.forgot && node.known.length > 0;
}

function pairs(a: SimNode, b: SimNode): (readonly [string, string])[] {
  return a === b ? [] : [[a.id, b.id]];
}
