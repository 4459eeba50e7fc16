/** The newest events, in order, so that a client that reconnects misses nothing that is still here. */
import type { EventItem } from './api';

const capacity = 10_000;

export class EventRing {
  #items: EventItem[] = [];
  /** Events up to and including this one are not here (any more). */
  #floor: string | null = null;
  #last: string | null = null;

  get last(): string | null {
    return this.#last;
  }

  /** False: already seen. What is fleeting is for who listens now, not for this ring. */
  push(item: EventItem): boolean {
    const id = item.kind === 'event' ? item.event.eventId : item.to;
    if (this.#last !== null && item.kind === 'event' && id <= this.#last) return false;
    if (item.kind === 'event' && item.event.fleeting) return true;
    this.#items.push(item);
    if (item.kind === 'event') this.#last = id;
    if (this.#items.length > capacity) {
      const dropped = this.#items.splice(0, capacity / 10).at(-1);
      if (dropped) this.#floor = dropped.kind === 'event' ? dropped.event.eventId : dropped.to;
    }
    return true;
  }

  /** What the engine itself no longer had when we first asked. */
  setFloor(id: string): void {
    if (this.#items.length === 0) this.#floor = id;
  }

  since(after: string | null): readonly EventItem[] {
    if (after === null) return [];
    const rest = this.#items.filter((item) => (item.kind === 'event' ? item.event.eventId : item.to) > after);
    if (this.#floor === null || after >= this.#floor) return rest;
    const first = rest[0];
    const to = first === undefined ? this.#floor : first.kind === 'event' ? first.event.eventId : first.from;
    return [{ kind: 'gap', from: after, to }, ...rest];
  }
}
