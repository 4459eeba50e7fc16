/** What an analyser gets and gives. Findings carry no `since`: the controller remembers when each was first seen. */

import type { GroupSnapshot, NodeSnapshot } from '../../operations/core/snapshot';
import type { Operation } from '../../operations/model';
import type { PlannedChange } from '../core/planned-change';
import type { ClusterConfig, Problem, RaftView } from '../model';

export type GroupSituation = {
  readonly atMs: number;
  readonly config: ClusterConfig;
  readonly raft: RaftView;
  readonly group: GroupSnapshot;
  readonly primary: NodeSnapshot | null;
  readonly standbys: readonly NodeSnapshot[];
  /** The operation that owns the group. */
  readonly operation: Operation | null;
  /** An operation takes the primary away on purpose right now. */
  readonly planned: PlannedChange | null;
};

export type ClusterSituation = {
  readonly config: ClusterConfig;
  readonly raft: RaftView;
  readonly voterNodes: readonly NodeSnapshot[];
};

export type Finding = Omit<Problem, 'since'>;
export type GroupAnalyser = (situation: GroupSituation) => readonly Finding[];

export function finding(
  situation: GroupSituation,
  fields: Omit<Finding, 'group' | 'node'> & { readonly node?: string | null },
): Finding {
  return { ...fields, group: situation.group.record.name, node: fields.node ?? null };
}
