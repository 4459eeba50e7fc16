/**
 * The one way into a procedure, for every surface: limit, authorise, validate, audit the intent, run, audit the outcome, measure.
 * Invariant: no effect without a durable intent in the audit log; no call without a decision on its role.
 */
import { ClusterError, isClusterError } from '@/engine/kernel/errors';
import { decide, decideInput } from '@/server/auth/authorise';
import { isBreakGlass } from '@/server/auth/break-glass';
import { callerOf } from '@/server/auth/rate-limits';
import { toClusterError } from '@/server/errors/wire';
import type { AnyDefinition } from '@/server/procedures/definition';
import { actorOf } from '@/server/procedures/shared/identity';
import { withLocalNode } from '@/server/procedures/shared/local-node';
import type { CallContext } from './call-context';
import { inCallSpan } from './call-span';
import { holdForApproval, requireForceProof } from './force-gate';
import { keepsAnswers } from './idempotency';
import { parseInput } from './parse-input';

/** Limit and role; before any input is looked at. */
export async function admit(definition: AnyDefinition, context: CallContext): Promise<void> {
  await context.gate.limits.consume(definition.rate, context.identity, context.clientAddress);
  decide(definition, context.identity);
  context.gate.uses.touch(context.identity, context.clientAddress);
}

export function invoke(definition: AnyDefinition, raw: unknown, call: CallContext): Promise<unknown> {
  return inCallSpan(definition, call, (context) => run(definition, raw, context));
}

/** A call whose input could not even be read is refused like any other: authorised first, measured and audited. */
export function refuseUnread(definition: AnyDefinition, unread: unknown, call: CallContext): Promise<unknown> {
  return inCallSpan(definition, call, (context) => run(definition, {}, context, unread));
}

async function run(
  definition: AnyDefinition,
  raw: unknown,
  context: CallContext,
  unread: unknown = null,
): Promise<unknown> {
  const startedAt = performance.now();
  const audited = definition.kind === 'mutation' || definition.audited === true || isBreakGlass(context.identity);
  const intent = { recorded: null as number | null };
  try {
    await admit(definition, context);
    if (unread !== null) throw unread;
    const input = readInput(definition, raw, context);
    decideInput(definition, input, context.identity);
    await requireForceProof(definition, input, context);
    if (audited) intent.recorded = await recordIntent(definition, input, context);
    if (definition.needsMajority || (definition.kind === 'mutation' && !definition.local)) requireMajority(context);
    await holdForApproval(definition, input, context);
    const output = await once(definition, input, context);
    const ms = performance.now() - startedAt;
    if (intent.recorded !== null) await recordOutcome(context, intent.recorded, output, null, ms);
    measured(definition, context, 'OK', ms);
    return output;
  } catch (thrown) {
    const error = refusalOf(definition, thrown, context);
    const ms = performance.now() - startedAt;
    if (audited) await recordRefusal(definition, raw, context, intent.recorded, error, ms);
    measured(definition, context, error.code, ms);
    throw error;
  }
}

function readInput(definition: AnyDefinition, raw: unknown, { engine }: CallContext): Record<string, unknown> {
  return withLocalNode(definition, parseInput(definition, raw), () => engine.current().view);
}

/** Under the caller's Idempotency-Key a change that is no operation is made once; operations see to it themselves. */
function once(definition: AnyDefinition, input: unknown, context: CallContext): Promise<unknown> {
  const call = async () => definition.handler({ input, context });
  const key = context.idempotencyKey;
  if (key === null || !keepsAnswers(definition)) return call();
  const caller = callerOf(context.identity, context.clientAddress);
  return context.gate.once.run(caller, key, [definition.name, input], call);
}

/** For an answer that is already there: the same gate, span and measure, nothing to run. */
export function admitKnown(definition: AnyDefinition, call: CallContext): Promise<void> {
  return inCallSpan(definition, call, async (context) => {
    const startedAt = performance.now();
    let code = 'OK';
    try {
      await admit(definition, context);
    } catch (thrown) {
      code = toClusterError(thrown).code;
      throw thrown;
    } finally {
      measured(definition, context, code, performance.now() - startedAt);
    }
  });
}

function measured(definition: AnyDefinition, context: CallContext, code: string, ms: number): void {
  context.gate.metrics.observe(definition.name, context.surface, code, ms);
  const { logger } = context.gate;
  const level = definition.kind === 'mutation' ? 'info' : 'debug';
  if (!logger.isLevelEnabled(level)) return;
  const { requestId, surface, identity } = context;
  const about = { requestId, procedure: definition.name, surface, caller: actorOf(identity), code };
  logger[level]({ ...about, ms: Math.round(ms * 10) / 10 }, 'call');
}

/** Opens a subscription; every item comes from the handler as it is, as long as the caller has the right. */
export function subscribe(
  definition: AnyDefinition,
  raw: unknown,
  context: CallContext,
  signal: AbortSignal,
): Promise<AsyncIterable<unknown>> {
  return open(definition, raw, context, signal, (call) => definition.handler(call) as AsyncIterable<unknown>);
}

/** All items of a list that gives them in one pass; behind the same gate as a page of it, and as long as the caller has the right. */
export async function openWhole(
  definition: AnyDefinition,
  raw: unknown,
  context: CallContext,
  signal: AbortSignal,
): Promise<AsyncIterable<unknown>> {
  const startedAt = performance.now();
  let code = 'OK';
  try {
    return await open(definition, raw, context, signal, (call) => definition.whole!(call));
  } catch (thrown) {
    code = toClusterError(thrown).code;
    throw thrown;
  } finally {
    measured(definition, context, code, performance.now() - startedAt);
  }
}

async function open(
  definition: AnyDefinition,
  raw: unknown,
  context: CallContext,
  signal: AbortSignal,
  items: (call: { input: unknown; context: CallContext }) => AsyncIterable<unknown>,
): Promise<AsyncIterable<unknown>> {
  await admit(definition, context);
  const input = readInput(definition, raw, context);
  decideInput(definition, input, context.identity);
  await recordBreakGlass(context, definition.name);
  return asLongAsAllowed({ ...context, signal }, (until) => items({ input, context: { ...context, signal: until } }));
}

/** Ends with UNAUTHORIZED when the caller loses the right. Watches only while it is read: what nobody reads ends without a word. */
export function asLongAsAllowed<T>(
  { signal, onAccessLost }: Pick<CallContext, 'signal' | 'onAccessLost'>,
  items: (until: AbortSignal) => AsyncIterable<T>,
): AsyncIterable<T> {
  if (!onAccessLost) return items(signal);
  const lost = new AbortController();
  return untilLost(items(AbortSignal.any([signal, lost.signal])), onAccessLost, lost);
}

async function* untilLost<T>(
  items: AsyncIterable<T>,
  onAccessLost: NonNullable<CallContext['onAccessLost']>,
  lost: AbortController,
): AsyncGenerator<T, void> {
  const stop = onAccessLost(() => lost.abort());
  try {
    for await (const item of items) {
      if (lost.signal.aborted) break;
      yield item;
    }
  } finally {
    stop();
  }
  if (lost.signal.aborted) throw new ClusterError('UNAUTHORIZED', 'Sign in again: the session or key has ended');
}

/** What goes past `invoke` (streams, metrics) is recorded too when it is done with the break-glass token. */
export async function recordBreakGlass(
  call: Pick<CallContext, 'identity' | 'clientAddress' | 'surface' | 'requestId' | 'gate'>,
  what: string,
): Promise<void> {
  if (!isBreakGlass(call.identity)) return;
  const { clientAddress, surface, requestId } = call;
  const actor = actorOf(call.identity);
  const sequence = await call.gate.auditWriter.intent({
    actor,
    role: 'admin',
    clientAddress,
    surface,
    requestId,
    procedure: what,
    input: {},
  });
  await call.gate.auditWriter.outcome(sequence, {
    outcome: 'succeeded',
    code: null,
    message: null,
    operationId: null,
    durationMs: null,
  });
}

function requireMajority(context: CallContext): void {
  const { view } = context.engine.current();
  if (!view.raft.hasQuorum) throw noMajority(view.raft.quorumSize);
}

function noMajority(quorumSize: number): ClusterError {
  return new ClusterError('FORBIDDEN', 'The control store has no majority: nothing can be changed now', {
    clusterCode: 'CLU_NO_QUORUM',
    reasons: [
      {
        rule: 'control-majority',
        measured: 'none',
        limit: `${quorumSize} voters`,
        remedy: 'Bring voters back; what serves goes on meanwhile',
      },
    ],
  });
}

/** Log what is not the caller's business, and put the loss of the majority into the one form clients know. */
function refusalOf(definition: AnyDefinition, thrown: unknown, context: CallContext): ClusterError {
  const error = toClusterError(thrown);
  if (!isClusterError(thrown)) {
    context.gate.logger.error({ err: thrown, requestId: context.requestId, procedure: definition.name }, 'call failed');
  }
  if (definition.kind !== 'mutation' || error.code !== 'UNAVAILABLE') return error;
  if (error.details.clusterCode === 'CLU_NO_QUORUM') return new ClusterError('FORBIDDEN', error.message, error.details);
  return error;
}

function auditInput(definition: AnyDefinition, input: unknown): Record<string, unknown> {
  if (typeof input !== 'object' || input === null) return {};
  const secret = new Set([...(definition.secretKeys ?? []), ...(definition.unloggedKeys ?? [])]);
  return Object.fromEntries(
    Object.entries(input).map(([key, value]) => [key, secret.has(key) ? '(secret)' : bounded(value)]),
  );
}

/** A refused call may carry anything: what is long is cut before it is kept. */
function bounded(value: unknown): unknown {
  const text = textOf(value);
  if (text === null) return '(nested too deeply to be kept)';
  return text.length > 2000 ? `${text.slice(0, 2000)}…` : value;
}

/** Null: JSON.parse takes deeper nesting than JSON.stringify, and a refusal that is not kept would be a probe that nobody sees. */
function textOf(value: unknown): string | null {
  try {
    return JSON.stringify(value) ?? 'null';
  } catch (error) {
    if (error instanceof RangeError) return null;
    throw error;
  }
}

function recordIntent(definition: AnyDefinition, input: unknown, context: CallContext): Promise<number> {
  const { identity } = context;
  return context.gate.auditWriter.intent({
    actor: actorOf(identity),
    role: identity.kind === 'anonymous' ? null : identity.role,
    clientAddress: context.clientAddress,
    surface: context.surface,
    requestId: context.requestId,
    procedure: definition.name,
    input: auditInput(definition, input),
  });
}

async function recordOutcome(
  context: CallContext,
  sequence: number,
  output: unknown,
  error: ClusterError | null,
  durationMs: number,
): Promise<void> {
  await context.gate.auditWriter.outcome(sequence, {
    outcome: error === null ? 'succeeded' : outcomeOf(error),
    code: error?.code ?? null,
    message: error?.message ?? null,
    operationId: operationOf(output),
    durationMs: Math.round(durationMs * 10) / 10,
  });
}

/** The operation that the answer is, or names: an approval, which looks like one itself, names what it began. */
function operationOf(output: unknown): string | null {
  if (typeof output !== 'object' || output === null) return null;
  if ('operation_id' in output) return typeof output.operation_id === 'string' ? output.operation_id : null;
  return 'steps' in output && 'plan_hash' in output && 'id' in output ? String(output.id) : null;
}

function outcomeOf(error: ClusterError): 'refused' | 'failed' | 'unknown' {
  if (error.details.extra?.outcome === 'unknown') return 'unknown';
  return ['INTERNAL', 'UNAVAILABLE', 'TIMEOUT', 'REQUEST_TIMEOUT'].includes(error.code) ? 'failed' : 'refused';
}

async function recordRefusal(
  definition: AnyDefinition,
  raw: unknown,
  context: CallContext,
  recorded: number | null,
  error: ClusterError,
  durationMs: number,
): Promise<void> {
  // A flood must not become a flood of fsyncs: of the calls over the limit, one per caller and second is kept. What began is always completed.
  const flood = recorded === null && error.code === 'RATE_LIMITED';
  if (flood && !context.gate.limits.mayRecord(context.identity, context.clientAddress)) return;
  try {
    const sequence = recorded ?? (await recordIntent(definition, raw, context));
    await recordOutcome(context, sequence, null, error, durationMs);
  } catch (failure) {
    context.gate.logger.error({ err: failure, requestId: context.requestId }, 'the audit log does not take a refusal');
  }
}
