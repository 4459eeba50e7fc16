/**
 * May a router open a new session to this endpoint now? Invariant kept: a read-write session is admitted only to the holder of the highest epoch
 * the router has heard of, before the deadline that holder gave, counted from the moment the router asked.
 */
import type { Epoch, MonotonicMs, NodeId } from '../../kernel/ids';

export type Endpoint = {
  readonly node: NodeId;
  readonly epoch: Epoch;
  readonly role: 'primary' | 'standby' | 'none';
  /** As answered. */
  readonly remainingMs: number;
  /** When the question was sent. */
  readonly askedAt: MonotonicMs;
  readonly draining: boolean;
  readonly lagMs: number | null;
};

export type AdmissionInput = {
  readonly endpoint: Endpoint;
  /** Read right before the connection is handed over. */
  readonly now: MonotonicMs;
  /** The highest epoch heard of from anybody. */
  readonly highestEpoch: Epoch;
  readonly kind: 'rw' | 'ro';
  readonly maximumLagMs: number;
  /** A standby's answer older than this is not trusted. */
  readonly staleAfterMs: number;
};

export type Admission =
  | { readonly admit: true }
  | { readonly admit: false; readonly rule: string; readonly why: string };

export function decideAdmission(input: AdmissionInput): Admission {
  const { endpoint, now } = input;
  if (endpoint.draining) return refuse('draining', `${endpoint.node} asks for no new sessions`);
  const age = now - endpoint.askedAt;
  if (age < 0) return refuse('clock', 'the answer seems to come from the future');
  if (endpoint.epoch < input.highestEpoch) {
    return refuse(
      'stale-epoch',
      `${endpoint.node} answered for epoch ${endpoint.epoch}; the group is at ${input.highestEpoch}`,
    );
  }
  if (endpoint.role === 'primary') {
    if (age >= endpoint.remainingMs) return refuse('lease', `the lease of ${endpoint.node} is not confirmed any more`);
    return { admit: true };
  }
  if (input.kind === 'rw') return refuse('role', `${endpoint.node} is not the primary`);
  if (endpoint.role === 'none') return refuse('role', `${endpoint.node} does not serve`);
  if (age > input.staleAfterMs)
    return refuse('stale-answer', `${endpoint.node} has not answered for ${Math.round(age)} ms`);
  if (endpoint.lagMs === null || endpoint.lagMs > input.maximumLagMs) {
    return refuse('lag', `${endpoint.node} is ${endpoint.lagMs ?? 'an unknown number of'} ms behind`);
  }
  return { admit: true };
}

function refuse(rule: string, why: string): Admission {
  return { admit: false, rule, why };
}
