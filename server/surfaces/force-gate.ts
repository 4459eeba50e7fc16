/**
 * What stands between a call that uses force and its effect: the proof that the right person asks, and (where the cluster wants four eyes)
 * the approval of another admin (what was approved is run by approved-call.ts).
 */
import { ClusterError } from '@/engine/kernel/errors';
import type { ApprovalPlan } from '@/server/auth/api';
import { hasKey, isForcePath, needsProof, requireProof } from '@/server/auth/force-paths';
import type { AnyDefinition } from '@/server/procedures/definition';
import { operation } from '@/server/procedures/shared/wire-operation';
import type { CallContext } from './call-context';
import { RehearsalEngine } from './rehearsal';

type Input = Record<string, unknown>;

/** @throws FORBIDDEN: the password is needed again, or the name of what is hit */
export async function requireForceProof(definition: AnyDefinition, input: Input, context: CallContext): Promise<void> {
  if (!needsProof(definition, input)) return;
  const { identity } = context;
  const { policy, sessions } = context.gate.force;
  const provedAt =
    identity.kind === 'user' ? ((await sessions.provedAt(identity.sessionId)) ?? identity.provedAt) : null;
  const firstGroup =
    context.engine
      .current()
      .view.groups.map((one) => one.record.name)
      .sort()[0] ?? '';
  requireProof(definition, input, identity, {
    policy: await policy.get(),
    provedAt,
    now: Date.now(),
    firstGroup,
    singleSignOn: (context.facts.singleSignOn ?? null) !== null,
  });
}

/**
 * What can't be done is refused before anybody is asked to approve it.
 * @throws FORBIDDEN (CLU_APPROVAL_PENDING): the call was not made; it waits for another admin
 */
export async function holdForApproval(definition: AnyDefinition, input: Input, context: CallContext): Promise<void> {
  if (!isForcePath(definition, input) || context.identity.kind === 'anonymous') return;
  const { policy, approvals } = context.gate.force;
  const { forceNeedsApproval, approvalMinutes } = await policy.get();
  if (!forceNeedsApproval) return;
  const plan = await planOf(definition, input, context);
  const { confirm: _confirm, ...kept } = input;
  const record = await approvals.request({
    procedure: definition.name,
    input: kept,
    plan,
    identity: context.identity,
    minutes: approvalMinutes,
  });
  throw new ClusterError('FORBIDDEN', `${definition.name} with force waits for the approval of another admin`, {
    clusterCode: 'CLU_APPROVAL_PENDING',
    reasons: [
      {
        rule: 'four-eyes',
        measured: '1 admin',
        limit: '2 admins',
        remedy: `Another admin approves request ${record.id} (Approvals, or POST /api/v1/approvals/${record.id}/approve) before ${record.expiresAt}; the plan that was shown then runs`,
      },
    ],
    extra: { approval_id: record.id, expires_at: record.expiresAt, plan_hash: record.plan?.hash ?? null },
  });
}

/**
 * The plan that would run; null for what is no operation. Not by a dry run, which shows what is refused as well.
 * @throws what the call itself would be refused with, also because the caller was shown another plan
 */
async function planOf(definition: AnyDefinition, input: Input, context: CallContext): Promise<ApprovalPlan | null> {
  if (!hasKey(definition, 'dry_run')) return null;
  const rehearsed = { ...context, engine: new RehearsalEngine(context.engine) };
  const planned = operation.parse(await definition.handler({ input, context: rehearsed }));
  if (input.plan_hash !== undefined && input.plan_hash !== planned.plan_hash) {
    throw new ClusterError(
      'PRECONDITION_FAILED',
      'The cluster changed since the plan was made; here is the new plan.',
      {
        clusterCode: 'CLU_PLAN_CHANGED',
        extra: { plan: planned },
      },
    );
  }
  return {
    hash: planned.plan_hash,
    group: planned.group,
    steps: planned.steps.map((one) => one.title),
    expectedPauseMs: planned.expected_pause_ms,
    bytesAtRisk: planned.bytes_at_risk,
  };
}
