/** What becomes of a prepared branch of ours: from the decision, and from how far back decisions are kept. */

export type KeptDecision = { readonly decision: 'commit' | 'abort' } | null;

export type Outcome = 'commit' | 'abort' | 'wait' | 'unknown';

/**
 * `live`: it is undecided in the coordinator's memory. `keptSince`: decisions before this time may have been removed; null: none ever was. A branch that nobody
 * decided is aborted (presumed abort), unless its decision may be one of those.
 */
export function outcomeOf(
  kept: KeptDecision,
  live: boolean,
  preparedAtMs: number | null,
  keptSinceMs: number | null,
): Outcome {
  if (kept !== null) return kept.decision;
  if (live) return 'wait';
  if (keptSinceMs !== null && (preparedAtMs === null || preparedAtMs <= keptSinceMs)) return 'unknown';
  return 'abort';
}
