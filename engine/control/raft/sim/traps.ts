/**
 * Faults in several steps: each waits for the moment in which one rule is all that keeps the promise, and strikes then. What the protocol survives at
 * random moments it must survive in these.
 */
import type { RaftMember } from '../../store';
import { configurationOf } from '../core/configuration';
import { lastIndex, slice, termAt } from '../core/log';
import { memberKey } from '../core/model';
import type { FaultStage } from './faults';
import type { SimNode } from './node';

export type Link = readonly [from: string, to: string];

/** What a trap uses of the faults: each part is put right by itself some time later. */
export type Means = {
  readonly stage: FaultStage;
  readonly active: () => boolean;
  readonly cutFor: (ms: number, links: readonly Link[]) => boolean;
  readonly later: (low: number, high: number, job: () => void) => void;
  readonly crash: (node: SimNode, how?: 'killed' | 'power') => boolean;
};

export function both(some: readonly SimNode[], others: readonly SimNode[]): readonly Link[] {
  return some.flatMap((a) =>
    others
      .filter((b) => b !== a)
      .flatMap((b): Link[] => [
        [a.id, b.id],
        [b.id, a.id],
      ]),
  );
}

/** A leader and just as many others, `first` among them, as make a majority: what they hold and nobody else does is committed. */
function bareMajority(nodes: readonly SimNode[], leader: SimNode, first: SimNode | null): readonly SimNode[] {
  const { voters } = configurationOf(leader.state!);
  const others = nodes
    .filter(
      (node) => node !== leader && voters.some((voter: RaftMember) => memberKey(voter) === memberKey(node.member)),
    )
    .sort((a, b) => Number(b === first) - Number(a === first));
  return [leader, ...others.slice(0, Math.floor(voters.length / 2))];
}

/**
 * For a moment only a bare majority hears the leader. Then `strike` takes from it what it held, and the rest of that majority is out of reach while
 * everybody else, and whoever was struck, elects.
 */
export function withBareMajority(means: Means, leader: SimNode, struck: SimNode, strike: () => void): void {
  const { nodes, dice, timeline } = means.stage;
  const told = bareMajority(nodes, leader, struck === leader ? null : struck);
  const rest = nodes.filter((node) => !told.includes(node));
  const untilMs = dice.between(80, 350);
  means.cutFor(untilMs, both([leader], rest));
  timeline.after(untilMs, () => {
    if (!means.active()) return;
    const away = told.filter((node) => node !== struck);
    means.cutFor(
      1800,
      both(
        away,
        nodes.filter((node) => !away.includes(node)),
      ),
    );
    strike();
  });
}

/** Its disk is slower than those of its followers; then it loses power with what they have acknowledged and it has not. */
export function leaderAheadOfItsDisk(means: Means, leader: SimNode): boolean {
  const { disk, life } = leader;
  disk.slowerMs = 3000;
  withBareMajority(means, leader, leader, () => {
    disk.slowerMs = 0;
    if (leader.life !== life || !leader.alive) return;
    leader.crash('power');
    means.later(5, 60, () => leader.start());
  });
  return true;
}

/** An entry is committed and its client answered, and the leader is gone before it tells anybody that it was. */
export function commitUntold(means: Means, leader: SimNode): boolean {
  const { nodes, timeline } = means.stage;
  const { life } = leader;
  const others = nodes.filter((node) => node !== leader);
  const heldByMajority = (index: number, term: number) => {
    const { voters } = configurationOf(leader.state!);
    const holders = voters.filter((voter) => {
      const state = nodes.find((node) => memberKey(node.member) === memberKey(voter))?.state;
      return state && termAt(state.log, index) === term && state.durableIndex >= index;
    });
    return holders.length > voters.length / 2;
  };
  const watch = (left: number) =>
    timeline.after(0.1, () => {
      if (!means.active() || leader.life !== life || !leader.leads) return;
      const { log, commitIndex, term } = leader.state!;
      const last = lastIndex(log);
      if (last > commitIndex && heldByMajority(last, term)) {
        means.cutFor(
          40,
          others.map((node): Link => [leader.id, node.id]),
        );
        means.later(3, 12, () => leader.life === life && means.crash(leader));
      } else if (left > 0) watch(left - 1);
    });
  watch(4000);
  return true;
}

/** Who holds a lease stands still until others hold it, and goes on with what it was about to ask. */
export function holderFrozen(means: Means, leader: SimNode): boolean {
  const { nodes, dice } = means.stage;
  const holder = dice.pick(
    nodes.filter((node) => node !== leader && node.running && holds(leader, node)).concat(leader),
  );
  if (holder === leader) return false;
  holder.freeze();
  means.later(2400, dice.chance(0.3) ? 6500 : 3400, () => holder.thaw());
  return true;
}

/**
 * Who holds a lease stands still until another's grant of it stands in the log, where it stays for long because the disks of a majority are slow; only
 * then it goes on, and asks for its renewal.
 */
export function grantInFlight(means: Means, leader: SimNode): boolean {
  const { nodes, dice, timeline } = means.stage;
  const held = leader.store!.localList('groups/').flatMap(({ key, value }) => {
    const holder = nodes.find((node) => node.id === (value as { readonly primary?: string }).primary);
    return holder && holder !== leader && holder.running ? [{ group: key.slice('groups/'.length), holder }] : [];
  });
  if (held.length === 0) return false;
  const { group, holder } = dice.pick(held);
  const fast = bareMajority(
    nodes.filter((node) => node !== holder),
    leader,
    null,
  ).slice(1);
  const slow = nodes.filter((node) => !fast.includes(node));
  for (const { disk } of slow) disk.slowerMs = 60;
  const { life } = leader;
  holder.freeze();
  const end = () => {
    holder.thaw();
    timeline.after(150, () => {
      for (const { disk } of slow) disk.slowerMs = 0;
    });
  };
  const watch = (left: number) =>
    timeline.after(0.5, () => {
      if (!means.active()) return;
      if (left === 0 || leader.life !== life || !leader.leads) return end();
      const { log, commitIndex } = leader.state!;
      const onTheWay = slice(log, commitIndex + 1).some(({ data }) => data.includes(`"grants":{"group":"${group}"`));
      if (onTheWay) end();
      else watch(left - 1);
    });
  watch(14_000);
  return true;
}

function holds(leader: SimNode, node: SimNode): boolean {
  return leader
    .store!.localList('groups/')
    .some(({ value }) => (value as { readonly primary?: string }).primary === node.id);
}
