/** Add a node: its record, its agent, the control store, a clone, streaming. The primary keeps serving all the while. */
import { isNodeName, leastFor, mostMembers, nodeIdLimit } from '../../cluster/core/member-limits';
import type { Check } from '../model';
import { check, controlQuorum, primaryServes } from './checks';
import { defineOperation, type RequestOf } from './operation-kind';
import { rollingRestart } from './plan-change-settings';
import { emptyPlan, groupNotFound, type Plan, type PlanContext, refusalFrom } from './plan-model';
import { type ClusterSnapshot, type GroupSnapshot, primaryOf } from './snapshot';
import { step } from './steps';

export const addNode = defineOperation<'add-node'>({
  kind: 'add-node',
  holds: { node: 'text', group: 'text', region: 'text', host: 'text' },
  plan: planAddNode,
});

function planAddNode(request: RequestOf<'add-node'>, snapshot: ClusterSnapshot, context: PlanContext): Plan {
  const group = snapshot.groups.get(request.group);
  if (!group) return groupNotFound(request.group);
  const exists = snapshot.nodes.has(request.node);
  const members = group.members.length + 1;
  const named = isNodeName(request.node);
  const checks = [
    controlQuorum(snapshot),
    check('name-free', !exists, {
      node: request.node,
      measured: exists ? 'taken' : 'free',
      limit: 'free',
      remedy: `There is a node ${request.node} already: choose another name.`,
    }),
    check('name-valid', named, {
      node: request.node,
      measured: request.node,
      limit: `a–z, 0–9 and -, at most ${nodeIdLimit}`,
      remedy: `Choose a name of lower-case letters, digits and hyphens, at most ${nodeIdLimit} of them: the name of its replication slot must fit into 63 bytes.`,
    }),
    primaryServes(group, primaryOf(group), snapshot.config.leaseMs),
    check('group-size', members <= mostMembers, {
      measured: `${members} members`,
      limit: `${mostMembers}`,
      remedy: `A group has at most ${mostMembers} members.`,
    }),
    ...sendersSuffice(group, members),
  ];
  const restarts = needsMoreSenders(group, members)
    ? rollingRestart(snapshot, group, { ...context, lowered: [] })
    : null;
  if (restarts !== null) checks.push(...restarts.checks);
  const refusal = refusalFrom(checks, { message: `${request.node} can't be added` });
  return {
    ...emptyPlan,
    group: request.group,
    epoch: group.record.epoch,
    exclusive: false,
    steps: [
      ...(restarts?.steps ?? []),
      step('register-node', request.node),
      step('wait-agent', request.node),
      step('join-store', request.node),
      step('wait-streaming', request.node, { deadlineMs: 3_600_000 }),
    ],
    checks,
    chosen: request.node,
    expectedPauseMs: restarts?.expectedPauseMs ?? 0,
    bytesAtRisk: 0,
    refusal: refusal && !named ? { ...refusal, code: 'INVALID_INPUT' } : refusal,
  };
}

/** What the primary runs with; null: not known. */
function sendersOf(group: GroupSnapshot): number | null {
  return primaryOf(group)?.report?.postgres.parameters?.running.max_wal_senders ?? null;
}

/** A server takes what its group needs, and one member more, at its start: those that run were started when the group was smaller. */
function needsMoreSenders(group: GroupSnapshot, members: number): boolean {
  const running = sendersOf(group);
  return (
    running !== null && running < leastFor(members).max_wal_senders && !('max_wal_senders' in group.record.settings)
  );
}

/** What an operator set is the operator's to raise. */
function sendersSuffice(group: GroupSnapshot, members: number): readonly Check[] {
  const set = group.record.settings.max_wal_senders;
  const least = leastFor(members).max_wal_senders;
  if (set === undefined || !(Number(set) < least)) return [];
  return [
    check('member-limits', false, {
      measured: `max_wal_senders = ${set}`,
      limit: `${least}`,
      remedy: `${members} members need max_wal_senders = ${least} at least: raise it for ${group.record.name} first, or reset it.`,
    }),
  ];
}
