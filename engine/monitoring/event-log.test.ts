import { describe, expect, it } from 'vitest';
import { EventLog, eventId } from './event-log';
import type { EngineEvent } from './model';

const event = (n: number) =>
  ({ category: 'clustering', eventType: 'test', severity: 'info', source: `node:${n}`, payload: { n } }) as const;

describe('event log', () => {
  it('gives ids that sort as text, also across terms', () => {
    const ids = [eventId(2, 1), eventId(1, 11), eventId(1, 2), eventId(10, 1)];
    expect([...ids].sort()).toEqual([eventId(1, 2), eventId(1, 11), eventId(2, 1), eventId(10, 1)]);
  });

  it('answers exactly what came after', () => {
    const log = new EventLog(() => 0, 10);
    log.beginTerm(3);
    const first = log.emit(event(1));
    log.emit(event(2));
    log.emit(event(3));
    const { gap, events } = log.since(first.eventId);
    expect(gap).toBeNull();
    expect(events.map((entry) => entry.payload.n)).toEqual([2, 3]);
    expect(log.since(events.at(-1)!.eventId)).toEqual({ gap: null, events: [] });
    expect(log.since(null)).toEqual({ gap: null, events: [] });
  });

  it('says which events fell out of the ring, and not one more', () => {
    const log = new EventLog(() => 0, 5);
    log.beginTerm(1);
    const all = Array.from({ length: 12 }, (_, index) => log.emit(event(index + 1)));
    const late = log.since(all[0]!.eventId);
    expect(late.gap).toEqual({ from: all[0]!.eventId, to: all[6]!.eventId });
    expect(late.events.map((entry) => entry.payload.n)).toEqual([8, 9, 10, 11, 12]);
    const justInside = log.since(all[6]!.eventId);
    expect(justInside.gap).toBeNull();
    expect(justInside.events).toHaveLength(5);
  });

  it('tells a gap to a reader who comes from an earlier leader', () => {
    const log = new EventLog(() => 0, 5);
    log.beginTerm(1);
    const old = log.emit(event(1));
    log.beginTerm(4);
    log.emit(event(2));
    expect(log.since(old.eventId)).toMatchObject({
      gap: { from: old.eventId, to: eventId(4, 0) },
      events: [{ payload: { n: 2 } }],
    });
    log.beginTerm(2);
    expect(log.emit(event(3)).eventId).toBe(eventId(4, 2));
  });

  it('tells a gap to a reader who comes from another life of the store in the same term', () => {
    const bornMs = Date.UTC(2026, 0, 1);
    const life = (beganMs: number) => {
      const log = new EventLog(() => beganMs);
      log.beginTerm(1);
      return log;
    };
    const before = life(bornMs);
    const seen = Array.from({ length: 500 }, (_, n) => before.emit(event(n))).at(-1)!.eventId;
    const again = life(bornMs + 60_000);
    const first = again.emit(event(1));
    const { gap, events } = again.since(seen);
    expect(gap?.from).toBe(seen);
    expect(events).toEqual([first]);
    expect(first.eventId).toMatch(/^\d{10}-\d{12}$/);
    expect(before.since(seen)).toEqual({ gap: null, events: [] });
  });

  it('calls subscribers until they leave', () => {
    const log = new EventLog(() => 0);
    const seen: unknown[] = [];
    const leave = log.subscribe((entry) => seen.push(entry.payload.n));
    log.emit(event(1));
    leave();
    log.emit(event(2));
    expect(seen).toEqual([1]);
  });
});

describe('what is fleeting', () => {
  it('goes to who listens, in order, and into no buffer: a day of writing forgets nothing else', () => {
    const log = new EventLog(() => 0, 5);
    log.beginTerm(1);
    const kept = log.emit(event(1));
    const heard: EngineEvent[] = [];
    log.subscribe((one) => heard.push(one));
    for (let n = 0; n < 86_400; n++) log.pass(event(n));
    const next = log.emit(event(2));
    expect(heard).toHaveLength(86_401);
    const ids = heard.map((one) => one.eventId);
    expect(ids.every((id, at) => at === 0 || id > ids[at - 1]!)).toBe(true);
    expect(ids[0]! > kept.eventId).toBe(true);
    expect(log.since(kept.eventId)).toEqual({ gap: null, events: [next] });
    // Whoever saw one of them last goes on with what came after it.
    expect(log.since(ids[40_000]!)).toEqual({ gap: null, events: [next] });
    expect(Number(next.eventId.slice(11)) - Number(kept.eventId.slice(11))).toBe(1);
  });

  it('is not even made when nobody listens', () => {
    const log = new EventLog(() => 0, 5);
    log.beginTerm(1);
    log.pass(event(1));
    const heard: EngineEvent[] = [];
    log.subscribe((one) => heard.push(one));
    log.pass(event(2));
    expect(heard.map((one) => one.eventId.slice(-3))).toEqual(['001']);
  });
});
