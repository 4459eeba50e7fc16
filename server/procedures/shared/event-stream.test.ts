/** One reader's position: nothing twice, no loss untold, over the restart of a console whose ring is still filling. */
import { describe, expect, it } from 'vitest';
import type { EngineEvent } from '@/engine/monitoring/model';
import type { EventItem } from '@/server/engine-client/api';
import { RecordedEngine } from '@/server/testing/recorded-engine';
import { collapse, matches, mayRead, ReadingPosition, requireEventId, resumeAfter } from './event-stream';

const id = (sequence: number) => `0000000001-${String(sequence).padStart(12, '0')}`;
const event = (sequence: number, patch: Partial<EngineEvent> = {}): EventItem & { kind: 'event' } => ({
  kind: 'event',
  event: {
    eventId: id(sequence),
    category: 'clustering',
    eventType: 'node_joined',
    severity: 'info',
    source: 'node:x',
    payload: {},
    timestamp: '2026-01-01T00:00:00.000Z',
    ...patch,
  },
});
const gap = (from: string, to: string): EventItem => ({ kind: 'gap', from, to });

describe('ReadingPosition', () => {
  it('drops what was seen, also when the ring is filled again after a restart', () => {
    const position = new ReadingPosition(id(5));
    expect([4, 5, 6, 6, 7].map((one) => position.take(event(one)) !== null)).toEqual([false, false, true, false, true]);
  });

  it('tells the floor of a new ring to who goes on from before it, from where that reader was', () => {
    expect(new ReadingPosition(id(3)).take(gap('0', id(9)))).toEqual(gap(id(3), id(9)));
    expect(new ReadingPosition(id(9)).take(gap('0', id(9)))).toBeNull();
    expect(new ReadingPosition(null).take(gap('0', id(9)))).toBeNull();
    expect(new ReadingPosition(null).take(gap(id(2), id(9)))).toEqual(gap(id(2), id(9)));
  });

  it('goes back where a client asks to resume', () => {
    const position = new ReadingPosition(null);
    position.take(event(9));
    position.resume(id(4));
    expect(position.take(event(5))).not.toBeNull();
  });
});

it('takes only ids of events', () => {
  expect(requireEventId(id(1))).toBe(id(1));
  expect([requireEventId(''), requireEventId(null), requireEventId(undefined)]).toEqual([null, null, null]);
  expect(requireEventId('0')).toBe('0');
  expect(requireEventId(`${id(1)}.000000000004`)).toBe(`${id(1)}.000000000004`);
  // `9` and `2-1` would sort after every event that will ever come.
  for (const wrong of ['zzz', '1-', '-1', 'a-1', '1-1-1', '9', '2-1', `${id(1)}0`])
    expect(() => requireEventId(wrong)).toThrow(/last_event_id/);
});

it('shows audit events to admins only', () => {
  const audit = event(1, { category: 'audit' }).event;
  const key = (role: 'viewer' | 'operator' | 'admin') => ({ kind: 'api-key', id: 'x', name: 'x', role }) as const;
  expect((['viewer', 'operator', 'admin'] as const).map((role) => mayRead(audit, key(role)))).toEqual([
    false,
    false,
    true,
  ]);
  expect(mayRead(event(1).event, key('viewer'))).toBe(true);
});

it('gives up the older half of a full queue and leaves one gap', () => {
  const queue: EventItem[] = [1, 2, 3, 4].map((one) => event(one));
  collapse(queue);
  expect(queue).toEqual([gap(id(1), id(3)), event(3), event(4)]);
});

describe('an id of the same term that is far ahead', () => {
  it('is of another life: a gap, and what happens from then on; one a little ahead is of another console', () => {
    const engine = new RecordedEngine();
    engine.change((view) => ({ raft: { ...view.raft, term: 1 } }));
    const known = engine.emit({});
    const resumed = (after: string) => {
      const position = new ReadingPosition(null);
      const first = resumeAfter(engine, position, after);
      const next = engine.emit({});
      return { first, seesNext: position.take({ kind: 'event', event: next }) !== null };
    };
    expect(resumed(id(999_999))).toEqual({ first: [gap('0', known.eventId)], seesNext: true });
    expect(resumed(id(50))).toEqual({ first: [], seesNext: false });
  });
});

it('gives what is fleeting only to who names its type, and finds replicas in it', () => {
  const { event: position } = event(1, {
    eventType: 'wal_position_update',
    payload: { group: 'alpha', replicas: [{ replica_id: 'node-2' }] },
    fleeting: true,
  });
  const types = ['wal_position_update'];
  expect(matches(position, {})).toBe(false);
  expect(matches(position, { event_types: types })).toBe(true);
  expect(matches(position, { event_types: types, node_ids: ['node-2'] })).toBe(true);
  expect(matches(position, { event_types: types, node_ids: ['node-3'] })).toBe(false);
});
