/**
 * Whether somebody would take over by himself if the primary gave its lease back now. Where nobody would, giving it back only costs time: the node that
 * gave it back takes the next epoch itself, seconds later.
 */
import type { NodeId } from '../../kernel/ids';
import type { GroupRecord } from '../model';

export type SuccessorFacts = {
  readonly record: Pick<GroupRecord, 'mode' | 'automaticFailover' | 'promotable' | 'voterSet'>;
  /** The cluster's switch; the group has its own. */
  readonly autoFailover: boolean;
  /** Nothing happens by itself while the primary is in maintenance. */
  readonly primaryInMaintenance: boolean;
  /** Other members that a connection leads to and that are not about to stop as well. */
  readonly answering: readonly NodeId[];
  /** Members that acknowledged something lately. */
  readonly streaming: readonly NodeId[];
};

export function successorPossible({ record, ...facts }: SuccessorFacts): boolean {
  if (!facts.autoFailover || !record.automaticFailover || facts.primaryInMaintenance) return false;
  if (record.mode === 'asynchronous') return facts.answering.some((node) => facts.streaming.includes(node));
  const { members, k } = record.voterSet;
  const voters = members.filter((node) => facts.answering.includes(node)).length;
  return record.promotable === 'voters' && voters >= members.length - k + 1;
}
