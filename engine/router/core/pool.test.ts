import { describe, expect, it } from 'vitest';
import { fc } from '../../testing/property-tests';
import {
  choose,
  connected,
  type Endpoint,
  emptyPool,
  failed,
  failuresToEject,
  healthOf,
  judge,
  keepEndpoints,
  maxEjectionMs,
  type PoolState,
  type Strategy,
} from './pool';

function endpoint(node: string, more: Partial<Endpoint> = {}): Endpoint {
  return {
    node,
    role: 'standby',
    fresh: true,
    draining: false,
    lagMs: 0,
    region: 'eu',
    sessions: 0,
    connections: 0,
    weight: 1,
    ...more,
  };
}
const policy = (strategy: Strategy, region: string | null = null) => ({ strategy, maxLagMs: 100, region });

/** Names chosen in `times` turns; each choice adds a session, as in life. */
function turns(strategy: Strategy, endpoints: readonly Endpoint[], times: number, region: string | null = null) {
  let state: PoolState = emptyPool;
  let present = [...endpoints];
  const chosen: string[] = [];
  for (let i = 0; i < times; i++) {
    const result = choose(state, present, { policy: policy(strategy, region), now: 0 });
    state = result.state;
    chosen.push(result.node!);
    present = present.map((one) => (one.node === result.node ? { ...one, sessions: one.sessions + 1 } : one));
  }
  return chosen.join('');
}

describe('strategies', () => {
  it('round robin goes around in name order', () => {
    expect(turns('round_robin', [endpoint('b'), endpoint('a'), endpoint('c')], 7)).toBe('abcabca');
  });
  it('round robin carries on when a server has left', () => {
    const state = { last: 'b', health: {} };
    const options = { policy: policy('round_robin'), now: 0 };
    expect(choose(state, [endpoint('a'), endpoint('c')], options).node).toBe('c');
    expect(choose({ last: 'c', health: {} }, [endpoint('a'), endpoint('c')], options).node).toBe('a');
  });
  it('least connections evens out, then looks at the server’s own count', () => {
    expect(turns('least_connections', [endpoint('a', { sessions: 2 }), endpoint('b')], 4)).toBe('bbab');
    const busy = [endpoint('a', { connections: 9 }), endpoint('b', { connections: 3 })];
    expect(turns('least_connections', busy, 1)).toBe('b');
  });
  it('weighted is smooth: 5 to 1 to 1 as nginx does it', () => {
    const endpoints = [endpoint('a', { weight: 5 }), endpoint('b'), endpoint('c')];
    expect(turns('weighted', endpoints, 7)).toBe('aabacaa');
  });
  it('weight 0 takes nothing while another qualifies, and serves when alone', () => {
    expect(turns('weighted', [endpoint('a', { weight: 0 }), endpoint('b')], 3)).toBe('bbb');
    expect(turns('weighted', [endpoint('a', { weight: 0 })], 2)).toBe('aa');
  });
  it('latency measures each once, then takes the fastest, and measures again in time', () => {
    let state = connected(emptyPool, 'a', 5, 0);
    const options = { policy: policy('latency'), now: 1 };
    const both = [endpoint('a'), endpoint('b')];
    expect(choose(state, both, options).node).toBe('b');
    state = connected(state, 'b', 2, 0);
    expect(choose(state, both, options).node).toBe('b');
    expect(choose(connected(state, 'b', 2, 40_000), both, { ...options, now: 40_000 }).node).toBe('a');
  });
  it('region-aware stays near while it can', () => {
    const endpoints = [endpoint('a'), endpoint('b', { region: 'us' }), endpoint('c', { region: 'us' })];
    expect(turns('region_aware', endpoints, 4, 'us')).toBe('bcbc');
    expect(turns('region_aware', endpoints, 3, 'asia')).toBe('abc');
  });
});

describe('who qualifies', () => {
  it.each<[string, Partial<Endpoint>, string]>([
    ['silent', { fresh: false }, 'down'],
    ['not serving', { role: 'none' }, 'down'],
    ['the primary', { role: 'primary' }, 'not-a-standby'],
    ['draining', { draining: true }, 'draining'],
    ['of unknown lag', { lagMs: null }, 'lagging'],
    ['too far behind', { lagMs: 101 }, 'lagging'],
    ['just near enough', { lagMs: 100 }, 'qualifies'],
  ])('%s', (_name, more, kind) => {
    expect(judge(emptyPool, endpoint('a', more), policy('round_robin'), 0).kind).toBe(kind);
    const { node } = choose(emptyPool, [endpoint('a', more)], { policy: policy('round_robin'), now: 0 });
    expect(node).toBe(kind === 'qualifies' ? 'a' : null);
  });
  it('never one that was tried already', () => {
    const options = { policy: policy('round_robin'), now: 0, exclude: new Set(['a']) };
    expect(choose(emptyPool, [endpoint('a'), endpoint('b')], options).node).toBe('b');
    expect(choose(emptyPool, [endpoint('a')], options).node).toBeNull();
  });
});

describe('ejection', () => {
  const isEjected = (state: PoolState, now: number) =>
    judge(state, endpoint('a'), policy('round_robin'), now).kind === 'ejected';
  it('comes after consecutive failures, doubles, is bounded, and one success ends it', () => {
    let state: PoolState = emptyPool;
    for (let i = 1; i < failuresToEject; i++) state = failed(state, 'a', 'refused', 0);
    expect(isEjected(state, 0)).toBe(false);
    state = failed(state, 'a', 'refused', 0);
    expect([isEjected(state, 999), isEjected(state, 1_000)]).toEqual([true, false]);
    state = failed(state, 'a', 'refused', 1_000);
    expect([isEjected(state, 2_999), isEjected(state, 3_000)]).toEqual([true, false]);
    for (let i = 0; i < 50; i++) state = failed(state, 'a', 'refused', 10_000);
    expect([isEjected(state, 10_000 + maxEjectionMs - 1), isEjected(state, 10_000 + maxEjectionMs)]).toEqual([
      true,
      false,
    ]);
    state = connected(state, 'a', 1, 10_001);
    expect(isEjected(state, 10_002)).toBe(false);
    expect(healthOf(state, 'a').consecutiveFailures).toBe(0);
  });
  it('a success in between starts the count again', () => {
    let state: PoolState = emptyPool;
    for (let i = 0; i < 10; i++) state = connected(failed(failed(state, 'a', 'x', 0), 'a', 'x', 0), 'a', 1, 0);
    expect(isEjected(state, 0)).toBe(false);
  });
  it('forgets servers that are gone', () => {
    const state = connected(connected(emptyPool, 'a', 1, 0), 'b', 1, 0);
    expect(Object.keys(keepEndpoints(state, ['b']).health)).toEqual(['b']);
    expect(keepEndpoints(state, ['a', 'b'])).toBe(state);
  });
});

describe('any pool under any strategy', () => {
  const strategy = fc.constantFrom<Strategy>('round_robin', 'least_connections', 'weighted', 'latency', 'region_aware');
  const one = fc.record({
    role: fc.constantFrom('primary' as const, 'standby' as const, 'none' as const),
    fresh: fc.boolean(),
    draining: fc.boolean(),
    lagMs: fc.option(fc.nat(200)),
    region: fc.constantFrom('eu', 'us'),
    weight: fc.nat(3),
  });
  it('chooses someone exactly when someone qualifies, and only one who does', () => {
    fc.assert(
      fc.property(strategy, fc.array(one, { maxLength: 6 }), fc.array(fc.nat(5)), (kind, parts, failures) => {
        const endpoints = parts.map((part, i) => endpoint(`n${i}`, part));
        let state = emptyPool;
        for (const index of failures) state = failed(state, `n${index}`, 'x', 0);
        const options = { policy: policy(kind, 'us'), now: 1 };
        const qualified = endpoints.filter((e) => judge(state, e, options.policy, 1).kind === 'qualifies');
        const { node } = choose(state, endpoints, options);
        if (qualified.length === 0) expect(node).toBeNull();
        else expect(qualified.map((e) => e.node)).toContain(node);
      }),
    );
  });
  it('spreads over all that qualify', () => {
    fc.assert(
      fc.property(strategy, fc.integer({ min: 1, max: 5 }), (kind, count) => {
        if (kind === 'latency') return;
        const endpoints = Array.from({ length: count }, (_, i) => endpoint(`n${i}`));
        const chosen = turns(kind, endpoints, count * 3);
        for (const { node } of endpoints) expect(chosen.split(node).length - 1).toBe(3);
      }),
    );
  });
});
