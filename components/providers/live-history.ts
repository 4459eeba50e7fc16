/** What this page remembers of the live stream, bounded: the last events and a short lag history for sparklines. Pure. */

export const historyLength = 90;
export const eventsKept = 500;
/** How many a page asks for when it opens: what happened before is what a DBA looks for first. */
export const eventsShown = 200;
const sampleEveryMs = 1000;

export type LagHistory = {
  readonly at: readonly number[];
  /** Lag in bytes per node, aligned with `at`; null where it was unknown. */
  readonly lag: Readonly<Record<string, readonly (number | null)[]>>;
};

type Lagging = { readonly id: string; readonly role: string; readonly lag_bytes: number | null };

/** One sample a second at most; nodes that left are forgotten. */
export function appendLag(old: LagHistory | undefined, nodes: readonly Lagging[], nowMs: number): LagHistory {
  const last = old?.at.at(-1);
  if (old !== undefined && last !== undefined && nowMs - last < sampleEveryMs) return old;
  const before = old ?? { at: [], lag: {} };
  const at = [...before.at, nowMs].slice(-historyLength);
  const lag: Record<string, readonly (number | null)[]> = {};
  for (const node of nodes) {
    const earlier = before.lag[node.id] ?? before.at.map(() => null);
    lag[node.id] = [...earlier, node.role === 'primary' ? null : node.lag_bytes].slice(-historyLength);
  }
  return { at, lag };
}

/** Newest first; an event that came twice (after a reconnect) stays once. */
export function appendEvent<E extends { readonly event_id: string; readonly event_type: string }>(
  events: readonly E[],
  event: E,
): readonly E[] {
  if (event.event_type === 'connected') return events;
  if (events.some((known) => known.event_id === event.event_id && known.event_type === event.event_type)) return events;
  return [event, ...events].slice(0, eventsKept);
}

export const trendMinutes = 15;
const trendBuckets = 90;

type Sample = { readonly at: string; readonly lag_bytes: number | null };

/**
 * The worst lag of each tenth of a minute over the last quarter of an hour: what the node kept before the page was opened, then what the page saw.
 * Null where nobody looked.
 */
export function lagTrend(
  samples: readonly Sample[],
  history: LagHistory,
  node: string,
  nowMs: number,
): readonly (number | null)[] {
  const width = (trendMinutes * 60_000) / trendBuckets;
  const worst = Array.from({ length: trendBuckets }, (): number | null => null);
  const put = (atMs: number, lag: number | null) => {
    const bucket = trendBuckets - 1 - Math.floor((nowMs - atMs) / width);
    if (lag === null || bucket < 0 || bucket >= trendBuckets) return;
    worst[bucket] = Math.max(worst[bucket] ?? 0, lag);
  };
  for (const sample of samples) put(Date.parse(sample.at), sample.lag_bytes);
  for (const [index, lag] of (history.lag[node] ?? []).entries()) put(history.at[index] ?? 0, lag);
  return worst;
}
