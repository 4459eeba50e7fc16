import { describe, expect, it } from 'vitest';
import { appendEvent, appendLag, eventsKept, historyLength, lagTrend } from './live-history';

describe('lag history', () => {
  const standby = (lag: number | null) => [{ id: 'node-2', role: 'standby', lag_bytes: lag }];

  it('takes one sample a second at most', () => {
    const first = appendLag(undefined, standby(1), 10_000);
    expect(appendLag(first, standby(2), 10_400)).toBe(first);
    expect(appendLag(first, standby(2), 11_000).lag['node-2']).toEqual([1, 2]);
  });

  it('is bounded and stays aligned for a node that joins later', () => {
    let history = appendLag(undefined, standby(0), 0);
    for (let second = 1; second <= 200; second += 1) history = appendLag(history, standby(second), second * 1000);
    history = appendLag(history, [...standby(7), { id: 'node-9', role: 'standby', lag_bytes: 3 }], 300_000);
    expect(history.at).toHaveLength(historyLength);
    expect(history.lag['node-2']).toHaveLength(historyLength);
    expect(history.lag['node-9']).toHaveLength(historyLength);
    expect(history.lag['node-9']!.filter((value) => value !== null)).toEqual([3]);
  });

  it('has nothing for a primary and forgets who left', () => {
    const before = appendLag(undefined, standby(5), 0);
    const after = appendLag(before, [{ id: 'node-1', role: 'primary', lag_bytes: 0 }], 2000);
    expect(after.lag).toEqual({ 'node-1': [null, null] });
  });
});

describe('the trend of a lag', () => {
  const now = Date.parse('2026-01-01T01:00:00.000Z');
  const sample = (secondsAgo: number, lag: number | null) => ({
    at: new Date(now - secondsAgo * 1000).toISOString(),
    lag_bytes: lag,
  });
  const none = { at: [], lag: {} };

  it('begins before the page was opened, with the worst of each ten seconds', () => {
    const trend = lagTrend([sample(895, 5), sample(24, 70), sample(21, 90), sample(4, null)], none, 'node-2', now);
    expect(trend).toHaveLength(90);
    expect(trend[0]).toBe(5);
    expect(trend.slice(-3)).toEqual([90, null, null]);
  });

  it('goes on with what the page saw, and leaves out what is too old', () => {
    const history = { at: [now - 12_000, now - 2_000], lag: { 'node-2': [3, 8] } };
    const trend = lagTrend([sample(1_000, 400), sample(11, 2)], history, 'node-2', now);
    expect(trend.filter((value) => value !== null)).toEqual([3, 8]);
    expect(lagTrend([], history, 'node-3', now).every((value) => value === null)).toBe(true);
  });
});

describe('events', () => {
  const event = (id: number) => ({ event_id: String(id), event_type: 'node_joined' });

  it('are newest first, once each, and bounded', () => {
    let events: readonly ReturnType<typeof event>[] = [];
    for (let id = 0; id < eventsKept + 20; id += 1) events = appendEvent(events, event(id));
    expect(events).toHaveLength(eventsKept);
    expect(events[0]?.event_id).toBe(String(eventsKept + 19));
    expect(appendEvent(events, event(eventsKept + 19))).toBe(events);
  });

  it('leave out the greeting', () => {
    expect(appendEvent([], { event_id: '1', event_type: 'connected' })).toEqual([]);
  });
});
