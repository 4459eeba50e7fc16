/**
 * Who asks, the same for every surface. What is no valid identity is refused within the limit of its address, counted as `auth.identify`, and
 * kept in the audit log, at most once a second and address: whoever guesses keys, or sends a person's browser from another site, is seen.
 */
import type { IncomingHttpHeaders } from 'node:http';
import { type ClusterError, isClusterError } from '@/engine/kernel/errors';
import type { Identity } from '@/server/auth/api';
import { type Identified, type Identifier, requireSameSite } from '@/server/auth/identify';
import type { Surface } from '@/server/procedures/context';
import { actorOf } from '@/server/procedures/shared/identity';
import type { Gate } from './call-context';

export type AskedBy = {
  readonly headers: IncomingHttpHeaders;
  /** Method and path, without what a query may hold. */
  readonly request: string;
  /** With a cookie it must come from our own pages. */
  readonly changes: boolean;
  readonly surface: Surface;
  readonly requestId: string;
  readonly clientAddress: string;
};

const anonymous: Identity = { kind: 'anonymous' };

/** @throws UNAUTHORIZED, FORBIDDEN (another site), RATE_LIMITED */
export async function identifyCaller(
  { identifier, gate }: { readonly identifier: Identifier; readonly gate: Gate },
  asked: AskedBy,
): Promise<Identified> {
  const startedAt = performance.now();
  let identity = anonymous;
  try {
    const found = await identifier.identify(asked.headers);
    identity = found.identity;
    if (found.byCookie && asked.changes) requireSameSite(asked.headers);
    return found;
  } catch (error) {
    if (!isClusterError(error) || (error.code !== 'UNAUTHORIZED' && error.code !== 'FORBIDDEN')) throw error;
    gate.metrics.observe('auth.identify', asked.surface, error.code, performance.now() - startedAt);
    await record(gate, asked, identity, error);
    await gate.limits.consume('read', anonymous, asked.clientAddress);
    throw error;
  }
}

async function record(gate: Gate, asked: AskedBy, identity: Identity, error: ClusterError): Promise<void> {
  if (!gate.limits.mayRecord(identity, asked.clientAddress)) return;
  try {
    const sequence = await gate.auditWriter.intent({
      actor: actorOf(identity),
      role: null,
      clientAddress: asked.clientAddress,
      surface: asked.surface,
      requestId: asked.requestId,
      procedure: 'auth.identify',
      input: { request: asked.request },
    });
    const { code, message } = error;
    await gate.auditWriter.outcome(sequence, {
      outcome: 'refused',
      code,
      message,
      operationId: null,
      durationMs: null,
    });
  } catch (failure) {
    gate.logger.error({ err: failure, requestId: asked.requestId }, 'the audit log does not take a refusal');
  }
}
