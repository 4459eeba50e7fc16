/**
 * The engine's event log: a bounded ring with a total order that survives a change of leader (`<term>-<sequence>`, zero-padded, sorts as text).
 * Invariants: a reader who asks for what came after an id gets every later event, or is told the gap; never a silent hole. The sequence of a term begins at
 * the milliseconds since 2020 at which its leader began, so that ids of another life of the control store (made anew, in term 1 again) lie before it and are
 * a gap too: no life tells more than one event in each millisecond of its time.
 */
import type { EngineEvent } from './model';

export type EventSlice = {
  readonly gap: { readonly from: string; readonly to: string } | null;
  readonly events: readonly EngineEvent[];
};

const defaultEventCapacity = 10_000;
const termDigits = 10;
const sequenceDigits = 12;
/** 12 digits of milliseconds last until 2051. */
const sequenceEpochMs = Date.UTC(2020, 0, 1);

export function eventId(term: number, sequence: number): string {
  return `${String(term).padStart(termDigits, '0')}-${String(sequence).padStart(sequenceDigits, '0')}`;
}

export class EventLog {
  readonly #ring: EngineEvent[] = [];
  readonly #subscribers = new Set<(event: EngineEvent) => void>();
  #start = 0;
  #term = 0;
  #sequence = 0;
  #fleeting = 0;
  /** Id of the last event that fell out of the ring, or the point before which this log knows nothing. */
  #droppedThrough = eventId(0, 0);

  constructor(
    private readonly nowMs: () => number,
    private readonly capacity = defaultEventCapacity,
  ) {}

  /** A new leader numbers from its term on: its ids sort after everything earlier leaders gave out. */
  beginTerm(term: number): void {
    if (term <= this.#term) return;
    this.#term = term;
    this.#sequence = firstSequence(this.nowMs());
    this.#fleeting = 0;
    // Another leader may have told events since our last one that this log never saw.
    this.#ring.length = 0;
    this.#start = 0;
    this.#droppedThrough = eventId(term, this.#sequence);
  }

  emit(event: Omit<EngineEvent, 'eventId' | 'timestamp'>): EngineEvent {
    this.#sequence++;
    const full: EngineEvent = {
      ...event,
      eventId: eventId(this.#term, this.#sequence),
      timestamp: new Date(this.nowMs()).toISOString(),
    };
    if (this.#ring.length < this.capacity) this.#ring.push(full);
    else {
      this.#droppedThrough = this.#ring[this.#start]!.eventId;
      this.#ring[this.#start] = full;
      this.#start = (this.#start + 1) % this.capacity;
    }
    for (const subscriber of this.#subscribers) subscriber(full);
    return full;
  }

  /** To who listens now. It takes no number of its own, so whoever resumes after it resumes after the last event that is kept. */
  pass(event: Omit<EngineEvent, 'eventId' | 'timestamp'>): void {
    if (!this.listened) return;
    this.#fleeting++;
    const full: EngineEvent = {
      ...event,
      eventId: `${eventId(this.#term, this.#sequence)}.${String(this.#fleeting).padStart(sequenceDigits, '0')}`,
      timestamp: new Date(this.nowMs()).toISOString(),
      fleeting: true,
    };
    for (const subscriber of this.#subscribers) subscriber(full);
  }

  get listened(): boolean {
    return this.#subscribers.size > 0;
  }

  since(after: string | null): EventSlice {
    if (after === null) return { gap: null, events: [] };
    const ordered = [...this.#ring.slice(this.#start), ...this.#ring.slice(0, this.#start)];
    const firstAfter = lowerBound(ordered, after);
    const gap = after < this.#droppedThrough ? { from: after, to: this.#droppedThrough } : null;
    return { gap, events: ordered.slice(firstAfter) };
  }

  /** Newest last. */
  recent(limit: number): readonly EngineEvent[] {
    return [...this.#ring.slice(this.#start), ...this.#ring.slice(0, this.#start)].slice(-limit);
  }

  subscribe(callback: (event: EngineEvent) => void): () => void {
    this.#subscribers.add(callback);
    return () => this.#subscribers.delete(callback);
  }
}

function firstSequence(nowMs: number): number {
  return Math.max(0, Math.floor(nowMs - sequenceEpochMs)) % 10 ** sequenceDigits;
}

/** Index of the first event whose id sorts after `after`. */
function lowerBound(events: readonly EngineEvent[], after: string): number {
  let low = 0;
  let high = events.length;
  while (low < high) {
    const middle = (low + high) >>> 1;
    if (events[middle]!.eventId <= after) low = middle + 1;
    else high = middle;
  }
  return low;
}
