/** Add a node: its record, its agent, the control store, a clone, streaming. The primary keeps serving all the while. */
import { isName } from '../../kernel/ids';
import type { OperationRequest } from '../model';
import { check, controlQuorum, primaryServes } from './checks';
import { emptyPlan, groupNotFound, type Plan, refusalFrom } from './plan-model';
import { type ClusterSnapshot, primaryOf } from './snapshot';
import { step } from './steps';

export function planAddNode(request: Extract<OperationRequest, { kind: 'add-node' }>, snapshot: ClusterSnapshot): Plan {
  const group = snapshot.groups.get(request.group);
  if (!group) return groupNotFound(request.group);
  const exists = snapshot.nodes.has(request.node);
  const named = isName(request.node);
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
      limit: 'a–z, 0–9 and -, at most 63',
      remedy: 'Choose a name of lower-case letters, digits and hyphens.',
    }),
    primaryServes(group, primaryOf(group), snapshot.config.leaseMs),
  ];
  const refusal = refusalFrom(checks, { message: `${request.node} can't be added` });
  return {
    ...emptyPlan,
    group: request.group,
    epoch: group.record.epoch,
    exclusive: false,
    steps: [
      step('register-node', request.node),
      step('wait-agent', request.node),
      step('join-store', request.node),
      step('wait-streaming', request.node, { deadlineMs: 3_600_000 }),
    ],
    checks,
    chosen: request.node,
    expectedPauseMs: 0,
    bytesAtRisk: 0,
    refusal: refusal && !named ? { ...refusal, code: 'INVALID_INPUT' } : refusal,
  };
}
