/** The local copy of the view and the ring of events. */
import { describe, expect, it } from 'vitest';
import type { EngineEvent } from '@/engine/monitoring/model';
import { recordedView } from '../testing/recorded-view';
import { EventRing } from './event-ring';
import { mergeView } from './merge-view';

describe('mergeView', () => {
  const view = recordedView(7);

  it('takes a whole view, and nothing from a patch before the first', () => {
    expect(mergeView(null, { kind: 'full', view })).toBe(view);
    expect(mergeView(null, { kind: 'patch', revision: 8, at: view.at })).toBeNull();
  });

  it('replaces changed nodes in place, adds new ones, drops removed ones', () => {
    const changed = { ...view.nodes[1]!, status: 'degraded' as const };
    const added = { ...view.nodes[1]!, record: { ...view.nodes[1]!.record, id: 'node-6' } };
    const merged = mergeView(view, {
      kind: 'patch',
      revision: 8,
      at: '2026-02-01T00:00:00.000Z',
      nodes: [changed, added],
      removedNodes: ['node-5'],
      rest: { sentence: 'changed' },
    })!;
    expect(merged.nodes.map((node) => node.record.id)).toEqual(['node-1', 'node-2', 'node-3', 'node-4', 'node-6']);
    expect(merged.nodes[1]!.status).toBe('degraded');
    expect(merged).toMatchObject({ revision: 8, at: '2026-02-01T00:00:00.000Z', sentence: 'changed' });
    expect(merged.groups).toBe(view.groups);
  });
});

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

  it('keeps a gap that the engine told', () => {
    const ring = new EventRing();
    push(ring, 1);
    ring.push({ kind: 'gap', from: event(1).eventId, to: event(9).eventId });
    push(ring, 9);
    expect(idsSince(ring, 1)).toEqual(['gap', 9]);
  });
});
