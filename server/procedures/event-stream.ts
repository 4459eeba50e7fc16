/**
 * Events as an async iterable: what is buffered after the last one seen, then live. At `queueLimit` undelivered events the older half is
 * given up and a gap item tells so; nothing is lost silently.
 */
import type { EngineEvent, EventSeverity } from '@/engine/monitoring/model';
import type { EventItem } from '@/server/engine-client/api';
import type { ProcedureContext } from './context';
import { presentEvent, presentGap, type WireEvent } from './present/event';

export const queueLimit = 1000;
const severityRank: Readonly<Record<EventSeverity, number>> = { info: 0, warning: 1, error: 2, critical: 3 };

export type EventFilter = {
  readonly last_event_id?: string | undefined;
  readonly categories?: readonly string[] | undefined;
  readonly event_types?: readonly string[] | undefined;
  readonly min_severity?: EventSeverity | undefined;
};

export function matches(event: EngineEvent, filter: EventFilter): boolean {
  if (filter.categories && !filter.categories.includes(event.category)) return false;
  if (filter.event_types && !filter.event_types.includes(event.eventType)) return false;
  return !filter.min_severity || severityRank[event.severity] >= severityRank[filter.min_severity];
}

export async function* streamEvents(context: ProcedureContext, filter: EventFilter): AsyncGenerator<WireEvent, void> {
  const queue: EventItem[] = [];
  let wake: (() => void) | null = null;
  const push = (item: EventItem) => {
    if (item.kind === 'event' && !matches(item.event, filter)) return;
    if (queue.length >= queueLimit) collapse(queue);
    queue.push(item);
    wake?.();
  };
  const unsubscribe = context.engine.onEvent(push);
  const onAbort = () => wake?.();
  context.signal.addEventListener('abort', onAbort);
  try {
    // Subscribed first and read second, in one turn: nothing falls between.
    for (const item of context.engine.eventsSince(filter.last_event_id ?? null)) push(item);
    while (!context.signal.aborted) {
      const item = queue.shift();
      if (item) {
        yield item.kind === 'event' ? presentEvent(item.event) : presentGap(item.from, item.to);
        continue;
      }
      await new Promise<void>((resolve) => {
        wake = resolve;
      });
      wake = null;
    }
  } finally {
    unsubscribe();
    context.signal.removeEventListener('abort', onAbort);
  }
}

/** Gives up the older half of the queue and leaves one gap in its place. */
export function collapse(queue: EventItem[]): void {
  const given = queue.splice(0, Math.ceil(queue.length / 2));
  const first = given[0];
  const next = queue[0];
  if (!first || !next) return;
  queue.unshift({ kind: 'gap', from: startOf(first), to: startOf(next) });
}

function startOf(item: EventItem): string {
  return item.kind === 'event' ? item.event.eventId : item.from;
}
