/** What a plan says. A refused plan still carries its steps, checks and candidates: the reader sees everything that speaks for and against. */
import type { ClusterCode, ErrorCode, Reason } from '../../kernel/errors';
import type { Epoch, GroupName, NodeId } from '../../kernel/ids';
import { release } from '../../kernel/release';
import type { NodeSlots, UnloggedTables } from '../../replication/model';
import type { SettingsVerdict } from '../../runtime/engine-api';
import type { Candidate, Check, OperationStep } from '../model';
import type { ClusterSnapshot, GroupSnapshot, NodeSnapshot } from './snapshot';

/** Who asks: force paths are admin only and refused in the plan, whatever the surface. */
export type PlanContext = {
  readonly admin: boolean;
  /** Chosen in the plan that was shown: taken again while it is fit, so that a plan does not change because a load moved. */
  readonly prefer?: NodeId;
  /** Settings that a server of the group has, lower-case name → context; absent or null: none of them answered. Only asked for plans that change settings. */
  readonly knownSettings?: ReadonlyMap<string, string> | null;
  /** Whether PostgreSQL of each member that answered would start with the settings; only asked for plans that change settings. */
  readonly verdicts?: ReadonlyMap<NodeId, SettingsVerdict> | null;
  /** Slots of the group's members that answered; only asked for plans that concern slots. */
  readonly slots?: ReadonlyMap<NodeId, NodeSlots> | null;
  /** Unlogged tables of the group's primary; absent or null: it did not answer, or the plan changes no primary. */
  readonly unlogged?: readonly UnloggedTables[] | null;
};

export type Refusal = {
  readonly code: ErrorCode;
  readonly clusterCode: ClusterCode | null;
  readonly message: string;
  readonly reasons: readonly Reason[];
};

export type Plan = {
  readonly group: GroupName | null;
  /** The group's epoch that the plan was made under. */
  readonly epoch: Epoch | null;
  /** Whether it needs the group for itself: one availability operation per group at a time. */
  readonly exclusive: boolean;
  readonly steps: readonly OperationStep[];
  readonly checks: readonly Check[];
  readonly candidates: readonly Candidate[];
  readonly chosen: NodeId | null;
  readonly expectedPauseMs: number | null;
  readonly bytesAtRisk: number | null;
  /** Null: may run. */
  readonly refusal: Refusal | null;
};

export const emptyPlan: Plan = {
  group: null,
  epoch: null,
  exclusive: true,
  steps: [],
  checks: [],
  candidates: [],
  chosen: null,
  expectedPauseMs: null,
  bytesAtRisk: null,
  refusal: null,
};

export function groupNotFound(name: GroupName): Plan {
  return refusedPlan('NOT_FOUND', 'CLU_GROUP_NOT_FOUND', `There is no group ${name}.`);
}

/** `group`: it had to be one of its members; there may be such a node elsewhere. */
export function nodeNotFound(id: NodeId, group?: GroupName): Plan {
  const message = group === undefined ? `There is no node ${id}.` : `${group} has no node ${id}.`;
  return refusedPlan('NOT_FOUND', 'CLU_NODE_NOT_FOUND', message);
}

/** A newer release wrote the request. */
export function kindNotKnown(kind: string): Plan {
  const message = `This release (${release}) does not know operations of kind ${kind}, so this one is not done.`;
  const reason: Reason = {
    rule: 'kind-known',
    measured: kind,
    limit: `the operations of release ${release}`,
    remedy: 'Upgrade every node to the release that planned it, then ask for it again.',
  };
  return { ...emptyPlan, refusal: { code: 'PRECONDITION_FAILED', clusterCode: null, message, reasons: [reason] } };
}

function refusedPlan(code: ErrorCode, clusterCode: ClusterCode | null, message: string): Plan {
  return { ...emptyPlan, refusal: { code, clusterCode, message, reasons: [] } };
}

export function nodeAndGroup(
  snapshot: ClusterSnapshot,
  id: NodeId,
): { readonly node: NodeSnapshot; readonly group: GroupSnapshot } | null {
  const node = snapshot.nodes.get(id);
  const group = node && snapshot.groups.get(node.record.group);
  return node && group ? { node, group } : null;
}

export function reasonsOf(checks: readonly Check[]): readonly Reason[] {
  return checks
    .filter((check) => !check.ok && check.severity === 'blocker')
    .map((check) => ({
      rule: check.rule,
      measured: check.measured,
      limit: check.limit,
      remedy: check.remedy ?? '',
      ...(check.node === null ? {} : { node: check.node }),
    }));
}

/** Refusal from failed blockers; null when none failed. The store without majority is always the first thing to say. */
export function refusalFrom(
  checks: readonly Check[],
  options: { message: string; extraReasons?: readonly Reason[]; clusterCode?: ClusterCode; code?: ErrorCode },
): Refusal | null {
  const reasons = [...reasonsOf(checks), ...(options.extraReasons ?? [])];
  if (reasons.length === 0) return null;
  const quorumLost = reasons.some((reason) => reason.rule === 'control-quorum');
  const busy = reasons.some((reason) => reason.rule === 'no-operation-running');
  const adminOnly = reasons.some((reason) => reason.rule === 'admin-only');
  return {
    code: quorumLost || adminOnly ? 'FORBIDDEN' : (options.code ?? 'CONFLICT'),
    clusterCode: quorumLost ? 'CLU_NO_QUORUM' : busy ? 'CLU_OPERATION_RUNNING' : (options.clusterCode ?? null),
    message: quorumLost
      ? 'The control store has no majority of its voters; nothing can be changed until it has.'
      : `${options.message}: ${reasons.map((reason) => reason.remedy).join(' ')}`,
    reasons,
  };
}
