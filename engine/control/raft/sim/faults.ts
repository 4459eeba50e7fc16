/** Everything that goes wrong, at random moments, and is put right some time later. */
import type { RaftConfiguration, RaftMember } from '../../store';
import { configurationOf, isVoter } from '../core/configuration';
import { memberKey } from '../core/model';
import { configurationsOn, copyTo, emptyImage, type Image } from './disk';
import type { Dice, Timeline } from './events';
import type { Network } from './network';
import type { SimNode } from './node';

export const faultKinds = [
  'crash',
  'crash leader',
  'crash in a write',
  'crash in a vote',
  'holder late',
  'power loss',
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
  'amnesia',
  'old copy',
  'transfer',
  'membership',
] as const;
export type FaultKind = (typeof faultKinds)[number];

export type FaultStage = {
  readonly timeline: Timeline;
  readonly dice: Dice;
  readonly network: Network;
  readonly nodes: readonly SimNode[];
  readonly fired: (what: string) => void;
};

export class Faults {
  count = 0;
  active = true;
  /** Ids that should vote; the operator sees to it. */
  readonly wantedVoters: Set<string>;
  #lives = 1;

  constructor(
    private readonly stage: FaultStage,
    bootstrap: RaftConfiguration,
  ) {
    this.wantedVoters = new Set(bootstrap.voters.map((voter) => voter.id));
  }

  run(): void {
    const { timeline, dice } = this.stage;
    timeline.after(dice.between(60, 650), () => {
      if (!this.active) return;
      const kind = dice.pick(faultKinds);
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
      node.diskFull = false;
      node.failNextSync = false;
      node.crashInWrite = false;
      node.thaw();
      node.start(null);
    }
  }

  leader(): SimNode | undefined {
    return this.stage.nodes.find((node) => node.running && node.leases !== null);
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
        any.crashInWrite = 'any';
        this.#later(300, 1500, () => any.start(null));
        return any.alive;
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
        for (const node of nodes) this.#crash(node);
        return true;
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
        any.drift(dice.between(0.97, 1.03));
        return true;
      case 'fsync error':
        if (!any.alive) return false;
        any.failNextSync = true;
        this.#later(500, 2000, () => {
          any.failNextSync = false;
          any.start(null);
        });
        return true;
      case 'full disk':
        if (!any.alive) return false;
        any.diskFull = true;
        this.#later(500, 2500, () => {
          any.diskFull = false;
          any.start(null);
        });
        return true;
      case 'amnesia':
        return this.#amnesia(any);
      case 'old copy':
        return this.#oldCopy(any);
      case 'transfer':
        leader?.transfer(any.id);
        return leader !== undefined;
      case 'membership':
        return this.#membership(leader, any);
    }
  }

  #later(low: number, high: number, job: () => void): void {
    const { timeline, dice } = this.stage;
    timeline.after(dice.between(low, high), () => {
      if (this.active) job();
    });
  }

  #crash(node: SimNode): boolean {
    if (!node.alive) return false;
    node.crash();
    const soon = this.stage.dice.chance(0.3);
    this.#later(soon ? 5 : 20, soon ? 60 : 2500, () => node.start(null));
    return true;
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
      leader.start(null);
      this.#crashInVote(leader);
    });
    return true;
  }

  /** Frozen until others have taken over and granted its holder's lease; meanwhile that holder hears nobody else. */
  #besideHolder(leader: SimNode): boolean {
    const { nodes, dice } = this.stage;
    const primaries = ['groups/g0', 'groups/g1'].map(
      (key) => leader.kv.values.get(key)?.value as { readonly primary?: string } | undefined,
    );
    const holder = nodes.find((node) => node !== leader && primaries.some((record) => record?.primary === node.id));
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
    node.crashInWrite = 'vote';
    const { life } = node;
    const revive = (left: number) =>
      this.#later(3, 15, () => {
        if (node.life !== life) node.start(null);
        else if (left > 0) revive(left - 1);
      });
    revive(60);
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
      .flatMap((node) => [...(node.state?.configurations ?? []), ...configurationsOn(node.image)])
      .filter(({ index }) => index >= committedIndex)
      .map(({ configuration }) => configuration);
  }

  #amnesia(node: SimNode): boolean {
    if (!this.#mayLose(node)) return false;
    return this.#loseWhileNeeded(node, emptyImage(this.stage.dice.below(1e9)));
  }

  /** The worst moment: the others but the leader lag, so the lost copy was needed, and then the leader dies. */
  #loseWhileNeeded(node: SimNode, image: Image): boolean {
    const { nodes, dice } = this.stage;
    const leader = this.leader();
    const lose = () => {
      if (!this.#mayLose(node)) return;
      node.crash();
      node.image = image;
      node.start(null);
    };
    if (!leader || leader === node || dice.chance(0.4)) {
      lose();
      return true;
    }
    this.#cut(nodes.flatMap((other) => (other === node ? [] : pairs(leader, other))));
    this.stage.timeline.after(dice.between(50, 350), () => {
      if (!this.active) return;
      lose();
      this.#crash(leader);
    });
    return true;
  }

  /** Takes a copy of a directory, and some time later puts it back. */
  #oldCopy(node: SimNode): boolean {
    const image = copyTo(node.image, this.stage.dice.below(1e9) + 1e9);
    const { incarnation } = node.member;
    if (image.member === null || !this.#mayLose(node)) return false;
    this.#later(200, 1200, () => {
      if (node.member.incarnation !== incarnation || !this.#mayLose(node)) return;
      this.stage.fired('old copy restored');
      this.#loseWhileNeeded(node, image);
    });
    return true;
  }

  #membership(leader: SimNode | undefined, any: SimNode): boolean {
    if (!leader) return false;
    const { voters } = configurationOf(leader.state!);
    const member = voters.find((voter) => voter.id === any.id);
    if (!member) {
      this.wantedVoters.add(any.id);
      return true;
    }
    if (voters.length < 4) return false;
    if (!leader.change({ kind: 'remove', member })) return false;
    this.wantedVoters.delete(any.id);
    return true;
  }

  /** What an operator (or the controller) does all the time: gives lost nodes a new life, adds learners, promotes, removes old lives. */
  operate(): void {
    const { timeline, dice, nodes } = this.stage;
    timeline.after(dice.between(100, 300), () => {
      for (const node of nodes) if (node.lost) this.#newLife(node);
      // A crash may come after the restart that was meant for it.
      for (const node of nodes) if (!this.active || dice.chance(0.1)) node.start(null);
      const leader = this.leader();
      if (leader) for (const node of nodes) if (this.#admit(leader, node)) break;
      this.operate();
    });
  }

  #newLife(node: SimNode): void {
    node.member = { id: node.id, incarnation: `${node.id}.${++this.#lives}` };
    node.image = emptyImage(this.stage.dice.below(1e9));
    node.lost = false;
    node.start(null);
  }

  #admit(leader: SimNode, node: SimNode): boolean {
    const { voters, learners } = configurationOf(leader.state!);
    const key = memberKey(node.member);
    if (voters.some((member) => memberKey(member) === key)) return false;
    if (!learners.some((member) => memberKey(member) === key)) {
      return node.alive && leader.change({ kind: 'add-learner', member: node.member });
    }
    if (!this.wantedVoters.has(node.id)) return false;
    const older = voters.find((member) => member.id === node.id);
    return leader.change(older ? { kind: 'remove', member: older } : { kind: 'promote', id: node.id });
  }
}

/** Down or not, it is still this member, and its disk was neither emptied nor exchanged for an old copy. */
function remembers(node: SimNode, member: RaftMember): boolean {
  if (memberKey(node.member) !== memberKey(member) || node.lost) return false;
  return node.image.place === node.image.recordedPlace && configurationsOn(node.image).length > 0;
}

function pairs(a: SimNode, b: SimNode): (readonly [string, string])[] {
  return a === b ? [] : [[a.id, b.id]];
}
