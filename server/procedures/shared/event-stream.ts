/**
 * Events as an async iterable: what is buffered after the last one seen, then live. At `queueLimit` undelivered events the older half is
 * given up and a gap item tells so; nothing is lost silently, and nothing comes twice.
 */
import { ClusterError } from '@/engine/kernel/errors';
import type { EngineEvent, EventSeverity } from '@/engine/monitoring/model';
import type { Identity } from '@/server/auth/api';
import type { EngineClient, EventItem } from '@/server/engine-client/api';
import type { ProcedureContext } from '../context';
import { isAdmin } from './identity';
import { presentEvent, presentGap, type WireEvent } from './present-event';

export const queueLimit = 1000;
const severityRank: Readonly<Record<EventSeverity, number>> = { info: 0, warning: 1, error: 2, critical: 3 };

export type EventFilter = {
  readonly last_event_id?: string | undefined;
  readonly recent?: number | undefined;
  readonly categories?: readonly string[] | undefined;
  readonly event_types?: readonly string[] | undefined;
  readonly min_severity?: EventSeverity | undefined;
  readonly groups?: readonly string[] | undefined;
  readonly node_ids?: readonly string[] | undefined;
};

/** What is fleeting comes every second: only who names its type gets it. */
export function matches(event: EngineEvent, filter: EventFilter): boolean {
  if (event.fleeting && !filter.event_types) return false;
  if (filter.categories && !filter.categories.includes(event.category)) return false;
  if (filter.event_types && !filter.event_types.includes(event.eventType)) return false;
  if (filter.min_severity && severityRank[event.severity] < severityRank[filter.min_severity]) return false;
  if (filter.groups && !filter.groups.includes(String(event.payload.group))) return false;
  return !filter.node_ids || subjectsOf(event).some((one) => filter.node_ids!.includes(one));
}

/** The part of a source after its colon, and the nodes that the payload names. */
export function subjectsOf(event: EngineEvent): readonly string[] {
  const [, subject] = event.source.split(':');
  const { node, node_id: nodeId, nodeId: camel, replica_id: replica, replicas } = event.payload;
  const each = Array.isArray(replicas) ? replicas.map((one: { readonly replica_id?: unknown }) => one.replica_id) : [];
  return [subject, node, nodeId, camel, replica, ...each].filter((one): one is string => typeof one === 'string');
}

/** Who did what is for admins, as the audit log is. Limits of a key to groups are the engine's, before this. */
export function mayRead(event: EngineEvent, identity: Identity): boolean {
  return event.category !== 'audit' || isAdmin(identity);
}

/** As the engine numbers: padded, so that ids sort as text; behind the point what is fleeting. A gap may begin at 0. */
const idPattern = /^(?:0|\d{10}-\d{12}(?:\.\d{12})?)$/;

/** An id that is none would sort anywhere, and after all others hide every event. @throws INVALID_INPUT */
export function requireEventId(id: string | null | undefined): string | null {
  if (id === null || id === undefined || id === '') return null;
  if (idPattern.test(id)) return id;
  throw new ClusterError('INVALID_INPUT', 'last_event_id: take it from an event, unchanged');
}

/**
 * Where one reader stands. After a restart of the console the ring fills while readers are already back: what they have seen comes again
 * and is dropped here; what the engine no longer has is a gap only for those who go on from before it.
 */
export class ReadingPosition {
  #seen: string | null;

  constructor(after: string | null) {
    this.#seen = after;
  }

  /** Goes back, or on, to where the reader asks to resume. */
  resume(after: string): void {
    this.#seen = after;
  }

  /** What of an item is news for this reader; null: nothing. */
  take(item: EventItem): EventItem | null {
    if (item.kind === 'event') {
      if (this.#seen !== null && item.event.eventId <= this.#seen) return null;
      this.#seen = item.event.eventId;
      return item;
    }
    const from = this.#seen !== null && this.#seen > item.from ? this.#seen : item.from;
    if ((this.#seen === null && item.from === '0') || from >= item.to) return null;
    return { kind: 'gap', from, to: item.to };
  }
}

/** What to begin with for a reader who goes on after `after`. */
export function resumeAfter(engine: EngineClient, position: ReadingPosition, after: string): readonly EventItem[] {
  if (!isFromElsewhere(engine, after)) {
    position.resume(after);
    return engine.eventsSince(after);
  }
  position.resume('0');
  const last = engine.eventsSince('0').at(-1);
  const term = String(engine.current().view.raft.term).padStart(10, '0');
  const to = last === undefined ? `${term}-000000000000` : last.kind === 'event' ? last.event.eventId : last.to;
  return [{ kind: 'gap', from: '0', to }];
}

function sameTerm(a: string, b: string): boolean {
  return a.slice(0, 10) === b.slice(0, 10);
}

/** So far ahead of this console another one may be: more than the buffers hold it never is. */
const aheadLimit = 10_000;

/**
 * An id of a later term than the leader's, or of its term and far ahead of all that it has told, is of another control store (an installation made anew,
 * or with a clock set back): taken as it is, it would hide every event, silently.
 */
function isFromElsewhere(engine: EngineClient, id: string): boolean {
  if (!idPattern.test(id) || id === '0') return false;
  try {
    const { view, live } = engine.current();
    if (!live) return false;
    const term = Number(id.slice(0, 10));
    if (term !== view.raft.term) return term > view.raft.term;
    const last = engine.eventsSince('0').at(-1);
    const told = last === undefined ? null : last.kind === 'event' ? last.event.eventId : last.to;
    return told !== null && sameTerm(told, id) && Number(id.slice(11)) - Number(told.slice(11)) > aheadLimit;
  } catch {
    // No view yet: the ring is empty as well, and fills under the same ids.
    return false;
  }
}

export async function* streamEvents(context: ProcedureContext, filter: EventFilter): AsyncGenerator<WireEvent, void> {
  const after = requireEventId(filter.last_event_id);
  const position = new ReadingPosition(null);
  const queue: EventItem[] = [];
  let wake: (() => void) | null = null;
  const push = (item: EventItem) => {
    const news = position.take(item);
    if (news === null) return;
    if (news.kind === 'event' && !(matches(news.event, filter) && mayRead(news.event, context.identity))) return;
    if (queue.length >= queueLimit) collapse(queue);
    queue.push(news);
    wake?.();
  };
  const unsubscribe = context.engine.onEvent(push);
  const onAbort = () => wake?.();
  context.signal.addEventListener('abort', onAbort);
  try {
    // Subscribed first and read second, in one turn: nothing falls between.
    const first = after === null ? newest(context, filter) : resumeAfter(context.engine, position, after);
    for (const item of first) push(item);
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

/** What a reader that has seen nothing yet begins with. What is older than the buffer is no gap: it was never asked for. */
function newest(context: ProcedureContext, filter: EventFilter): readonly EventItem[] {
  const count = filter.recent ?? 0;
  if (count === 0) return [];
  return context.engine
    .eventsSince('0')
    .filter((item) => item.kind === 'event' && matches(item.event, filter) && mayRead(item.event, context.identity))
    .slice(-count);
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
