/** The ring of events. */
import { describe, expect, it } from 'vitest';
import type { EngineEvent } from '@/engine/monitoring/model';
import { EventRing } from './event-ring';

describe('EventRing', () => {
  const event = (sequence: number): EngineEvent => ({
    eventId: `00000001-${String(sequence).padStart(10, '0')}`,
    category: 'clustering',
    eventType: 'node_joined',
    severity: 'info',
    source: 'node:x',
    payload: {},
    timestamp: '2026-01-01T00:00:00.000Z',
  });
  const push = (ring: EventRing, sequence: number) => ring.push({ kind: 'event', event: event(sequence) });
  const idsSince = (ring: EventRing, sequence: number) =>
    ring
      .since(event(sequence).eventId)
      .map((item) => (item.kind === 'event' ? Number(item.event.eventId.slice(9)) : 'gap'));

  it('gives what came after, each once, and nothing without a start', () => {
    const ring = new EventRing();
    for (const sequence of [1, 2, 3]) expect(push(ring, sequence)).toBe(true);
    expect(push(ring, 3)).toBe(false);
    expect(idsSince(ring, 1)).toEqual([2, 3]);
    expect(idsSince(ring, 3)).toEqual([]);
    expect(ring.since(null)).toEqual([]);
  });

  it('tells a gap for what it no longer has, and stays bounded', () => {
    const ring = new EventRing();
    for (let sequence = 1; sequence <= 25_000; sequence++) push(ring, sequence);
    const items = ring.since(event(5).eventId);
    expect(items[0]).toMatchObject({ kind: 'gap', from: event(5).eventId });
    expect(items.length).toBeLessThanOrEqual(10_002);
    expect(items.at(-1)).toMatchObject({ event: { eventId: event(25_000).eventId } });
  });

  it('hands on what is fleeting and keeps nothing of it', () => {
    const ring = new EventRing();
    push(ring, 1);
    const fleeting = { ...event(1), eventId: `${event(1).eventId}.0000000001`, fleeting: true as const };
    for (let many = 0; many < 20_000; many++) expect(ring.push({ kind: 'event', event: fleeting })).toBe(true);
    push(ring, 2);
    expect(idsSince(ring, 1)).toEqual([2]);
    expect(ring.since(fleeting.eventId)).toHaveLength(1);
    expect(ring.push({ kind: 'event', event: fleeting })).toBe(false);
  });

  it('keeps a gap that the engine told', () => {
    const ring = new EventRing();
    push(ring, 1);
    ring.push({ kind: 'gap', from: event(1).eventId, to: event(9).eventId });
    push(ring, 9);
    expect(idsSince(ring, 1)).toEqual(['gap', 9]);
  });
});
