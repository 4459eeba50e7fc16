import { expect, it } from 'vitest';
import type { Loop } from '../kernel/loop';
import { admitRemainingMs, holdsLease, initialLeaseState, stepLease } from './core/lease-keeper';
import { instantOf } from './node-context';

/** The clocks of a host, as its agent gets them. */
class Clocks {
  monotonic = 5_000;
  boot = 90_000;
  wall = 1_700_000_000_000;
  readonly loop = {
    now: () => this.monotonic,
    bootMs: () => this.boot,
    wallMs: () => this.wall,
  } as unknown as Loop;
  pass(ms: number): void {
    this.monotonic += ms;
    this.boot += ms;
    this.wall += ms;
  }
}

function serving(clocks: Clocks) {
  const sent = instantOf(clocks.loop);
  const granted = stepLease(initialLeaseState(2_000, { failSafe: true }), { kind: 'granted', epoch: 1, sent, ...sent });
  return stepLease(granted.state, { kind: 'server-starting', ...sent }).state;
}

it.each([250, 3_600_000, -250, -3_600_000])('a step of the wall clock by %i ms changes no lease', (step) => {
  const clocks = new Clocks();
  const state = serving(clocks);
  clocks.pass(100);
  clocks.wall += step;
  const { state: next, effects } = stepLease(state, { kind: 'tick', ...instantOf(clocks.loop) });
  expect(effects.map((effect) => effect.kind)).not.toContain('stop-immediate');
  expect(holdsLease(next, instantOf(clocks.loop), 1)).toBe(true);
  expect(admitRemainingMs(next, instantOf(clocks.loop))).toBe(1_300);
});

it('a machine that slept has lost its lease', () => {
  const clocks = new Clocks();
  const state = serving(clocks);
  clocks.pass(100);
  clocks.boot += 250;
  const { effects } = stepLease(state, { kind: 'tick', ...instantOf(clocks.loop) });
  expect(effects).toContainEqual({ kind: 'stop-immediate', why: 'the machine slept since the last renewal' });
});
