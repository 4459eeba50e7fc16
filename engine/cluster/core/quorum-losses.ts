/**
 * Which further node losses would stop writes: of the control store, and of each group. For the consensus page; nothing is decided from it.
 */
import type { NodeId } from '../../kernel/ids';
import type { CommitMode, GroupRecord } from '../model';
import { promisesNeeded } from './voter-set';

export type LossInput = {
  readonly voters: readonly NodeId[];
  readonly live: readonly NodeId[];
  readonly failSafe: boolean;
  readonly groups: readonly {
    readonly record: Pick<
      GroupRecord,
      'name' | 'mode' | 'primary' | 'voterSet' | 'promotable' | 'onNoStandby' | 'automaticFailover'
    >;
    readonly members: readonly NodeId[];
  }[];
};

export type StoreLosses = {
  readonly quorumSize: number;
  readonly liveVoters: number;
  /** How many more voters may be lost before the store stops; negative: it has stopped. */
  readonly spare: number;
  /** With no spare: each of these stops the store. */
  readonly critical: readonly NodeId[];
  readonly sentence: string;
};

export type GroupLosses = {
  readonly group: string;
  /** Losing one of these alone stops writes until it comes back or an admin acts. */
  readonly critical: readonly NodeId[];
  /** Losing one of these means a short pause (failover), no stop. */
  readonly pause: readonly NodeId[];
  readonly sentence: string;
};

export function storeLosses(input: Pick<LossInput, 'voters' | 'live'>): StoreLosses {
  const quorumSize = Math.floor(input.voters.length / 2) + 1;
  const alive = input.voters.filter((node) => input.live.includes(node));
  const spare = alive.length - quorumSize;
  const critical = spare === 0 ? alive : [];
  const sentence =
    spare < 0
      ? `The control store has no majority: ${alive.length} of ${input.voters.length} voters answer, ${quorumSize} are needed.`
      : spare === 0
        ? `Losing any one of ${list(alive)} stops the control store.`
        : `The control store survives ${spare} more ${spare === 1 ? 'loss' : 'losses'}.`;
  return { quorumSize, liveVoters: alive.length, spare, critical, sentence };
}

export function groupLosses(input: LossInput): readonly GroupLosses[] {
  return input.groups.map(({ record, members }) => {
    const alive = members.filter((node) => input.live.includes(node));
    if (!canWrite(input, record, members, input.live)) {
      return { group: record.name, critical: [], pause: [], sentence: `${record.name} accepts no writes now.` };
    }
    const critical = sortedUnique(
      [...alive, ...input.voters.filter((node) => input.live.includes(node))].filter(
        (lost) =>
          !canWrite(
            input,
            record,
            members,
            input.live.filter((node) => node !== lost),
          ),
      ),
    );
    const pause = record.primary !== null && !critical.includes(record.primary) ? [record.primary] : [];
    const sentence =
      critical.length > 0
        ? `Losing ${list(critical, 'or')} stops writes in ${record.name}.`
        : `${record.name} keeps accepting writes after any one further loss${pause.length > 0 ? ` (losing ${pause[0]} means a short pause)` : ''}.`;
    return { group: record.name, critical, pause, sentence };
  });
}

/** Would the group accept writes, after whatever happens by itself, with exactly these nodes alive? */
export function canWrite(
  input: Pick<LossInput, 'voters' | 'failSafe'>,
  record: LossInput['groups'][number]['record'],
  members: readonly NodeId[],
  live: readonly NodeId[],
): boolean {
  const majority = storeLosses({ voters: input.voters, live }).spare >= 0;
  const others = members.filter((node) => node !== record.primary);
  const liveOthers = others.filter((node) => live.includes(node));
  const liveSet = record.voterSet.members.filter((node) => live.includes(node));
  if (record.primary !== null && live.includes(record.primary)) {
    if (!majority) {
      const asked =
        record.voterSet.members.length > 0 && record.promotable === 'voters' ? record.voterSet.members : others;
      return input.failSafe && asked.every((node) => live.includes(node));
    }
    if (record.mode === 'asynchronous') return true;
    return liveOthers.length > 0 || degrades(record.mode, record.onNoStandby);
  }
  if (!majority || !record.automaticFailover) return false;
  if (record.mode === 'asynchronous') return liveOthers.length > 0;
  if (record.promotable !== 'voters' || record.voterSet.members.length === 0) return false;
  if (liveSet.length < promisesNeeded(record.voterSet)) return false;
  return liveOthers.length > 1 || degrades(record.mode, record.onNoStandby);
}

function degrades(mode: CommitMode, onNoStandby: GroupRecord['onNoStandby']): boolean {
  return mode === 'semi_synchronous' && onNoStandby === 'degrade';
}

function sortedUnique(nodes: readonly NodeId[]): readonly NodeId[] {
  return [...new Set(nodes)].sort();
}

function list(nodes: readonly NodeId[], word = 'and'): string {
  if (nodes.length < 2) return nodes.join('');
  return `${nodes.slice(0, -1).join(', ')} ${word} ${nodes.at(-1)}`;
}
