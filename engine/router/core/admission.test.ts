import { describe, expect, it } from 'vitest';
import type { RouteAnswer } from '../../runtime/engine-api';
import { fc } from '../../testing/property-tests';
import {
  admitToPrimary,
  applyAnswer,
  emptyRoutes,
  type GroupRoutes,
  type Instant,
  keepNodes,
  noteEpoch,
  whyEnd,
} from './admission';

const at = (ms: number, bootAheadMs = 0): Instant => ({ monotonic: ms, boot: 1_000_000 + ms + bootAheadMs });
function answer(node: string, more: Partial<RouteAnswer> = {}): RouteAnswer {
  return {
    group: 'alpha',
    node,
    epoch: 1,
    role: 'primary',
    host: '127.0.0.1',
    port: 5432,
    remainingMs: 1_400,
    lagBytes: null,
    lagMs: null,
    connections: 0,
    region: 'eu',
    draining: false,
    ...more,
  };
}
const served = applyAnswer(emptyRoutes('alpha'), 'a', answer('a'), at(100));
const pinned = { kind: 'rw', node: 'a', epoch: 1 } as const;
const standby = (node: string, epoch = 1) => answer(node, { role: 'standby', remainingMs: 0, epoch });

describe('admission to the primary', () => {
  it('counts from when the question was sent', () => {
    expect(admitToPrimary(served, at(1_499)).kind).toBe('admit');
    expect(admitToPrimary(served, at(1_500))).toMatchObject({ kind: 'hold', reason: /run out/ });
  });
  const cases: [string, GroupRoutes, Instant, RegExp][] = [
    ['nobody is primary', applyAnswer(emptyRoutes('alpha'), 'a', standby('a'), at(0)), at(1), /no node/],
    ['a newer epoch is known', noteEpoch(served, 2), at(101), /no node/],
    ['a standby knows a newer epoch', applyAnswer(served, 'b', standby('b', 2), at(100)), at(101), /no node/],
    ['it drains', applyAnswer(served, 'a', answer('a', { draining: true }), at(101)), at(102), /handing/],
    ['the machine slept', served, at(200, 60_000), /run out/],
    [
      'its permission is not a number',
      applyAnswer(served, 'a', answer('a', { remainingMs: Number.NaN }), at(101)),
      at(102),
      /run out/,
    ],
    ['it left the group', keepNodes(served, ['b']), at(101), /no node/],
  ];
  it.each(cases)('holds when %s', (_name, routes, now, reason) => {
    const admission = admitToPrimary(routes, now);
    expect(admission.kind).toBe('hold');
    if (admission.kind === 'hold') expect(admission.reason).toMatch(reason);
  });
  it('lets an answer that was overtaken change nothing', () => {
    const newer = applyAnswer(served, 'a', answer('a', { role: 'none', remainingMs: 0 }), at(300));
    expect(applyAnswer(newer, 'a', answer('a'), at(200))).toBe(newer);
  });
  it('ignores an answer for another group or from another node', () => {
    expect(applyAnswer(served, 'a', answer('b'), at(200))).toBe(served);
    expect(applyAnswer(served, 'a', answer('a', { group: 'beta' }), at(200))).toBe(served);
  });
  it('ignores a clock since boot that reads less than before', () => {
    expect(admitToPrimary(served, at(200, -3_600_000)).kind).toBe('admit');
  });
});

describe('open sessions', () => {
  it.each<[string, GroupRoutes, Instant, RegExp | null]>([
    ['go on while permitted', served, at(1_499), null],
    [
      'go on while the primary drains',
      applyAnswer(served, 'a', answer('a', { draining: true }), at(101)),
      at(102),
      null,
    ],
    ['end at the deadline', served, at(1_500), /run out/],
    ['end with their epoch', noteEpoch(served, 2), at(101), /epoch 1 ended/],
    [
      'end when the same node serves a newer epoch',
      applyAnswer(served, 'a', answer('a', { epoch: 2 }), at(101)),
      at(102),
      /epoch 1 ended/,
    ],
    ['end when the node steps down', applyAnswer(served, 'a', standby('a'), at(101)), at(102), /no longer the primary/],
    ['end when the node leaves the group', keepNodes(served, []), at(101), /no longer belongs/],
    ['end when the machine slept', served, at(200, 60_000), /run out/],
  ])('%s', (_name, routes, now, reason) => {
    const why = whyEnd(routes, pinned, now);
    if (reason === null) expect(why).toBeNull();
    else expect(why).toMatch(reason);
  });
  it('for reading go on at a standby whatever its epoch and age, and end with a primary’s permission', () => {
    const pin = { kind: 'ro', node: 'b', epoch: 1 } as const;
    const routes = applyAnswer(noteEpoch(served, 5), 'b', standby('b'), at(100));
    expect(whyEnd(routes, pin, at(99_999))).toBeNull();
    const promoted = applyAnswer(routes, 'b', answer('b', { epoch: 5 }), at(200));
    expect(whyEnd(promoted, pin, at(1_599))).toBeNull();
    expect(whyEnd(promoted, pin, at(1_600))).toMatch(/run out/);
    expect(whyEnd(noteEpoch(promoted, 6), pin, at(300))).toMatch(/epoch 5 ended/);
  });
});

describe('whatever the nodes answer, in whatever order', () => {
  const event = fc.record({
    node: fc.constantFrom('a', 'b', 'c'),
    epoch: fc.integer({ min: 1, max: 4 }),
    role: fc.constantFrom('primary' as const, 'standby' as const, 'none' as const),
    remainingMs: fc.integer({ min: -10, max: 100 }),
    draining: fc.boolean(),
    sent: fc.nat(200),
  });
  it('admits only to the newest epoch’s primary within its own time, and then no session of it is ended', () => {
    fc.assert(
      fc.property(fc.array(event, { maxLength: 15 }), fc.nat(300), (events, time) => {
        let routes = emptyRoutes('alpha');
        for (const { node, sent, ...more } of events) routes = applyAnswer(routes, node, answer(node, more), at(sent));
        const admission = admitToPrimary(routes, at(time));
        if (admission.kind === 'hold') return;
        const { node, epoch } = admission.target;
        expect(epoch).toBe(Math.max(...events.map((one) => one.epoch)));
        const latestSent = Math.max(...events.filter((one) => one.node === node).map((one) => one.sent));
        const ground = events.filter((one) => one.node === node && one.sent === latestSent).at(-1)!;
        expect(ground).toMatchObject({ role: 'primary', epoch, draining: false });
        expect(time).toBeLessThan(ground.sent + ground.remainingMs);
        expect(whyEnd(routes, { kind: 'rw', node, epoch }, at(time))).toBeNull();
      }),
      {
        examples: [
          [[{ node: 'a', epoch: 1, role: 'primary' as const, remainingMs: -1, draining: false, sent: 178 }], 177],
        ],
      },
    );
  });
});
