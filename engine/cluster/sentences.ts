/** The human sentences of the view: one per group, one verdict for the cluster. Pure; every number in them was measured. */

import { wordOf } from '../operations/core/operation-kinds';
import { formatMs, type GroupSnapshot, type PauseSample } from '../operations/core/snapshot';
import { isFinished, type Operation } from '../operations/model';
import { primaryChangingRule } from './core/planned-change';
import type { GroupView, NodeView, Problem, RaftView } from './model';

export function groupSentence(
  group: GroupSnapshot,
  state: { writable: boolean; degraded: boolean; standbys: number; streaming: number; operation: Operation | null },
): string {
  const { record } = group;
  if (state.operation && !isFinished(state.operation.state)) return operationSentence(state.operation);
  if (record.primary === null) return `${record.name} has no primary yet.`;
  if (!state.writable) return `${record.name} takes no writes; its last primary is ${record.primary}.`;
  if (state.degraded) return `${record.primary} serves ${record.name} alone: degraded, no automatic failover.`;
  if (state.standbys === 0) return `${record.primary} serves ${record.name}; it has no standby.`;
  const { streaming, standbys } = state;
  const follow =
    standbys === 1
      ? `its standby ${streaming === 1 ? 'streams' : 'does not stream'}`
      : `${streaming} of ${standbys} standbys stream`;
  return `${record.primary} serves ${record.name}; ${follow}.`;
}

function operationSentence(operation: Operation): string {
  const what = wordOf(operation.request);
  const at = operation.steps.findIndex((step) => step.state === 'running');
  const progress =
    at < 0 ? '' : `: step ${at + 1} of ${operation.steps.length}, ${operation.steps[at]!.title.toLowerCase()}`;
  const who = operation.chosen ? ` to ${operation.chosen}` : '';
  const where = operation.group ? `${operation.group}: ` : '';
  return `${where}${what}${operation.request.kind === 'failover' ? who : ''} ${operation.state}${progress}.`;
}

export type VerdictInput = {
  readonly groups: readonly GroupView[];
  readonly nodes: readonly NodeView[];
  readonly problems: readonly Problem[];
  readonly raft: RaftView;
  readonly operations: readonly Operation[];
  readonly pauses: readonly PauseSample[];
  readonly atMs: number;
};

/** Worst first: no majority, no primary, critical, warnings, healthy. */
export function verdict(input: VerdictInput): string {
  const critical = input.problems.filter((problem) => problem.severity === 'critical');
  const lostQuorum = critical.find((problem) => problem.rule === 'control-quorum-lost');
  if (lostQuorum) return lostQuorum.sentence;
  const changing = input.operations.find((entry) => entry.request.kind === 'failover' && entry.state === 'running');
  const noPrimary = critical.find((problem) => problem.rule === 'lease-expired');
  if (noPrimary) return sinceSentence(noPrimary, input.atMs);
  if (changing) return operationSentence(changing);
  if (critical.length === 0) {
    const planned = input.problems.find((problem) => problem.rule === primaryChangingRule);
    if (planned) return planned.sentence;
  }
  if (critical[0]) return more(critical[0].sentence, critical.length - 1);
  const warnings = input.problems.filter((problem) => problem.severity === 'warning');
  if (warnings[0]) return more(warnings[0].sentence, warnings.length - 1);
  const notWritable = input.groups.find((group) => !group.writable);
  if (notWritable) return notWritable.sentence;
  return `Healthy. ${lastPause(input)}`;
}

function sinceSentence(problem: Problem, atMs: number): string {
  const since = formatMs(Math.max(0, atMs - Date.parse(problem.since)));
  return problem.sentence.replace(' has no primary:', ` has no primary since ${since}:`);
}

function more(sentence: string, rest: number): string {
  return rest === 0 ? sentence : `${sentence} ${rest} more ${rest === 1 ? 'problem' : 'problems'}.`;
}

function lastPause(input: VerdictInput): string {
  const last = input.pauses.at(-1);
  if (!last) return 'No failover so far.';
  const ago = formatMs(Math.max(0, input.atMs - Date.parse(last.at)));
  return `Last ${last.kind} ${ago} ago, ${(last.ms / 1000).toFixed(2)} s.`;
}
