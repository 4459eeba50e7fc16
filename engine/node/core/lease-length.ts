/**
 * How a holder brings its lease from one length to another while it serves. The length stands in the group record, because whoever counts the lease
 * (the store's leader, the next one) takes it from there. Invariant: the record never says less than what this holder, its guardian, a router or a
 * confirming member may still be counting: longer is written first and used then; shorter is used first and written once everything that was
 * handed out under the old length has run out. Renewals become more frequent before a shorter length counts, so nobody is stopped by a change.
 */
export type LengthInput = {
  /** What the group record says; null: an older release granted it. */
  readonly recorded: number | null;
  /** What is wanted. */
  readonly configured: number;
  /** By what this holder counts. */
  readonly counted: number;
  /** Since it counts by that, and since when by nothing longer; null: since before this life of the agent. */
  readonly countedSince: number | null;
  readonly now: number;
};

export type LengthAction =
  | { readonly kind: 'settled' }
  /** Durably; then renew at the pace of this length and count by it as soon as a renewal of that pace is confirmed. */
  | { readonly kind: 'use'; readonly leaseMs: number }
  | { readonly kind: 'write'; readonly leaseMs: number }
  | { readonly kind: 'wait'; readonly forMs: number };

export function nextLengthAction(input: LengthInput): LengthAction {
  const { recorded, configured, counted, now } = input;
  if (recorded === null) return { kind: 'write', leaseMs: Math.max(counted, configured) };
  if (configured > recorded) return { kind: 'write', leaseMs: configured };
  if (counted !== configured) return { kind: 'use', leaseMs: configured };
  if (configured === recorded) return { kind: 'settled' };
  const left = (input.countedSince ?? now) + recorded - now;
  return left > 0 ? { kind: 'wait', forMs: left } : { kind: 'write', leaseMs: configured };
}
