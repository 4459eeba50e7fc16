/** A pause on purpose is told from a failure by the journal, and only in its time. */
import { describe, expect, it } from 'vitest';
import { cluster, type FixtureOptions } from '../../testing/cluster-fixture';
import { type Step, switchover } from '../../testing/running-operation';
import { plannedChange } from './planned-change';

const sample = (ms: number) => ({ operation: 'x', group: 'alpha', kind: 'switchover' as const, ms, at: '' });

/** So long after the demotion began; lease 2 s, expected 400 ms. */
function look(agoMs: number, options: FixtureOptions = {}, change: Parameters<typeof switchover>[1] = {}) {
  const snapshot = cluster({ ...options, group: { leaseReleased: true, ...options.group } });
  const operation = switchover(snapshot.atMs - agoMs, change);
  const context = { atMs: snapshot.atMs, leaseMs: snapshot.config.leaseMs, pauses: snapshot.pauses };
  return plannedChange(operation, snapshot.groups.get('alpha')!, context);
}
const step = (change: Step): Parameters<typeof switchover>[1] => ({ step: change });

describe('a switchover', () => {
  it('is a planned change from its demotion on, with what it expects', () => {
    expect(look(100)).toEqual({
      operation: 'op-1',
      what: 'switchover',
      successor: 'node-2',
      step: { at: 4, of: 10 },
      expectedMs: 400,
      allowedMs: 2_400,
    });
  });
  it.each<[string, ReturnType<typeof look>]>([
    ['not before its demotion', look(100, {}, step({ name: 'demote', state: 'pending', startedAt: null }))],
    ['not when it overruns', look(2_401)],
    ['not when a step of it failed', look(100, {}, step({ name: 'demote', state: 'failed' }))],
    ['not when it is undone', look(100, {}, step({ name: 'collect-promises', state: 'compensated' }))],
    ['not when it has ended', look(100, {}, { state: 'failed' })],
    ['not when its successor is silent', look(100, { nodes: { 'node-2': { ageMs: 5_000 } } })],
    ['not when its successor crashed', look(100, { nodes: { 'node-2': { postgres: { state: 'crashed' } } } })],
    ['not by a clock that is far ahead', look(-60_000)],
  ])('%s', (_what, found) => expect(found).toBeNull());

  it('another member that fails is another matter', () => {
    expect(look(100, { nodes: { 'node-3': { ageMs: 5_000 } } })).not.toBeNull();
  });
  it('has as much time as past ones really took, at least one lease more than expected', () => {
    expect(look(100, { pauses: [sample(500), sample(900)] })?.allowedMs).toBe(2_400);
    expect(look(100, { pauses: [sample(500), sample(3_100)] })?.allowedMs).toBe(3_100);
  });
});

describe('other operations', () => {
  const automatic = { cause: 'x', detectedAt: '', lastServedAt: null };
  it('an automatic failover is never planned', () => {
    expect(look(100, {}, { request: { kind: 'failover', group: 'alpha', mode: 'failover', automatic } })).toBeNull();
  });
  it('a restart in place is, a stop in place is not: nobody serves afterwards', () => {
    const request = { kind: 'restart-node', node: 'node-1', force: true } as const;
    const inPlace = (last: 'wait-serving' | null) =>
      look(100, {}, { request, only: ['restart-postgres', ...(last ? [last] : [])] });
    expect(inPlace('wait-serving')).toMatchObject({ what: 'restart node', allowedMs: 2_400 });
    expect(inPlace(null)).toBeNull();
  });
});
