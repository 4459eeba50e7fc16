/**
 * How an approved call is run as its requester, also by the console that finds it after another one died. Invariants: it runs only if who asked
 * may still do it, with the plan that was approved; it stands in the audit log like a call of the requester, with the approver in its input.
 */
import { ClusterError } from '@/engine/kernel/errors';
import type { AccountDirectory, ApprovalRecord, Identity } from '@/server/auth/api';
import type { PersonOf } from '@/server/auth/approvals';
import { permits } from '@/server/auth/authorise';
import { isBreakGlass } from '@/server/auth/break-glass';
import { hasKey } from '@/server/auth/force-paths';
import { personName } from '@/server/auth/key-standing';
import { toClusterError } from '@/server/errors/wire';
import type { AnyDefinition } from '@/server/procedures/definition';
import { contextOf, type Services } from './calls';

/** @returns the operation's id, where the call is one */
export async function runApproved(
  services: Services,
  procedures: readonly AnyDefinition[],
  record: ApprovalRecord,
): Promise<string | null> {
  const startedAt = performance.now();
  const { auditWriter } = services.gate;
  const definition = procedures.find((one) => one.name === record.procedure);
  const { kind, name, role } = record.requester;
  const secret = new Set(definition?.secretKeys);
  const kept = Object.entries(record.input).map(([key, value]) => [key, secret.has(key) ? '(secret)' : value]);
  const sequence = await auditWriter.intent({
    actor: `${kind}:${name}`,
    role,
    clientAddress: 'approval',
    surface: 'rest',
    requestId: record.id,
    procedure: record.procedure,
    input: { ...Object.fromEntries(kept), approval_id: record.id, approved_by: record.decidedBy },
  });
  const outcome = (operationId: string | null, error: ClusterError | null) =>
    auditWriter.outcome(sequence, {
      outcome: error === null ? 'succeeded' : notKnown.has(error.code) ? 'failed' : 'refused',
      code: error?.code ?? null,
      message: error?.message ?? null,
      operationId,
      durationMs: Math.round((performance.now() - startedAt) * 10) / 10,
    });
  let operationId: string | null;
  try {
    operationId = await run(services, definition, record);
  } catch (thrown) {
    await outcome(null, toClusterError(thrown));
    throw thrown;
  }
  await outcome(operationId, null);
  return operationId;
}

/** Of these it can't be said that nothing happened. */
const notKnown: ReadonlySet<string> = new Set(['INTERNAL', 'UNAVAILABLE', 'TIMEOUT', 'REQUEST_TIMEOUT']);

async function run(
  services: Services,
  definition: AnyDefinition | undefined,
  record: ApprovalRecord,
): Promise<string | null> {
  if (!definition) throw new ClusterError('NOT_FOUND', `This console has no procedure ${record.procedure}`);
  const identity = await currentIdentity(services.accounts, record);
  const reason = [record.input.reason, `approved by ${record.decidedBy}`].filter(Boolean).join('; ').slice(0, 500);
  const context = contextOf(services, identity, {
    surface: 'rest',
    requestId: record.id,
    clientAddress: 'approval',
    idempotencyKey: `approval-${record.id}`,
    signal: new AbortController().signal,
    setCookie: null,
  });
  const input = {
    ...record.input,
    ...(record.plan === null ? {} : { plan_hash: record.plan.hash }),
    ...(hasKey(definition, 'reason') ? { reason } : {}),
  };
  const output = await definition.handler({ input, context });
  const isOperation = typeof output === 'object' && output !== null && 'plan_hash' in output && 'id' in output;
  return isOperation ? String(output.id) : null;
}

async function currentIdentity(accounts: AccountDirectory, record: ApprovalRecord): Promise<Identity> {
  const { requester, id, expiresAt, createdAt } = record;
  const role = await currentRole(accounts, record);
  if (role === null || !permits({ kind: 'api-key', id: '', name: '', role }, requester.role)) {
    throw new ClusterError('FORBIDDEN', `${requester.name}, who asked for it, may not do it any more`);
  }
  const same = { id: requester.id, name: requester.name, role };
  return requester.kind === 'api-key'
    ? { ...same, kind: 'api-key', groups: requester.groups }
    : { ...same, kind: 'user', sessionId: id, sessionExpiresAt: expiresAt, provedAt: createdAt };
}

async function currentRole(accounts: AccountDirectory, { requester }: ApprovalRecord) {
  if (requester.kind === 'user') {
    const user = await accounts.user(requester.id);
    return user && !user.disabled ? user.role : null;
  }
  const standing = (await accounts.keyStandings()).get(requester.id);
  return standing && standing.ended === null ? standing.role : null;
}

/** The break-glass token is whoever has a shell on the console's host: another than the admin who asked, unless that one lies. */
export function personOfIn(accounts: AccountDirectory): PersonOf {
  return async (identity) => {
    if (isBreakGlass(identity)) return 'break-glass';
    if (identity.kind === 'user') return personName({ user: identity.id });
    const person = await accounts.personBehind(identity);
    return person && personName(person);
  };
}
