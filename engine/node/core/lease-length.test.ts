import { describe, expect, it } from 'vitest';
import type { MonotonicMs } from '../../kernel/ids';
import { initialLeaseState, type LeaseEffect, type LeaseInput, type LeaseState, stepLease } from './lease-keeper';
import { type LengthAction, nextLengthAction } from './lease-length';

describe('next step between two lengths', () => {
  const input = { recorded: 2_000, configured: 2_000, counted: 2_000, countedSince: 0, now: 1_000 };
  it.each<[string, Partial<Parameters<typeof nextLengthAction>[0]>, LengthAction]>([
    ['nothing to do', {}, { kind: 'settled' }],
    ['longer: the record first', { configured: 9_000 }, { kind: 'write', leaseMs: 9_000 }],
    ['longer: then it counts', { configured: 9_000, recorded: 9_000 }, { kind: 'use', leaseMs: 9_000 }],
    ['shorter: it counts first', { recorded: 9_000, counted: 9_000 }, { kind: 'use', leaseMs: 2_000 }],
    ['shorter: what was handed out must run out', { recorded: 9_000 }, { kind: 'wait', forMs: 8_000 }],
    ['shorter: then the record', { recorded: 9_000, now: 9_000 }, { kind: 'write', leaseMs: 2_000 }],
    ['longer again before it was written', { recorded: 9_000, configured: 9_000 }, { kind: 'use', leaseMs: 9_000 }],
    [
      'a life that has only begun waits in full',
      { recorded: 9_000, countedSince: null },
      { kind: 'wait', forMs: 9_000 },
    ],
    ['granted by an older release', { recorded: null }, { kind: 'write', leaseMs: 2_000 }],
  ])('%s', (_, change, expected) => {
    expect(nextLengthAction({ ...input, ...change })).toEqual(expected);
  });
});

/** A holder whose renewals are answered after 5 ms, driven tick by tick. */
class Holder {
  state: LeaseState;
  readonly seen: { readonly at: number; readonly effect: LeaseEffect }[] = [];
  #now = 0;
  #answers: { readonly at: number; readonly id: number }[] = [];

  constructor(
    leaseMs: number,
    private readonly recordedMs: number,
  ) {
    this.state = initialLeaseState(leaseMs, { failSafe: true });
    this.input({ kind: 'granted', epoch: 5, sent: { now: 0, boot: 0 } });
    this.input({ kind: 'server-starting' });
  }

  input(input: object): void {
    const step = stepLease(this.state, { ...input, now: this.#now as MonotonicMs, boot: this.#now } as LeaseInput);
    this.state = step.state;
    for (const effect of step.effects) {
      this.seen.push({ at: this.#now, effect });
      if (effect.kind === 'send-renewal') this.#answers.push({ at: this.#now + 5, id: effect.id });
    }
  }

  until(end: number, answered = true): this {
    for (; this.#now < end; this.#now += 5) {
      for (const { id } of this.#answers.filter(({ at }) => at === this.#now)) {
        const result = { ok: true, epoch: 5, leaseMs: this.recordedMs };
        if (answered) this.input({ kind: 'renew-answered', id, result });
      }
      this.input({ kind: 'tick' });
    }
    return this;
  }

  times(kind: LeaseEffect['kind']): number[] {
    return this.seen.filter(({ effect }) => effect.kind === kind).map(({ at }) => at);
  }
}

describe('a holder that is told a shorter length', () => {
  it.each([1, 400, 1_400, 1_600, 2_400])(
    '%i ms after its last renewal is not stopped, and soon counts by it',
    (after) => {
      const holder = new Holder(20_000, 20_000).until(5_000 + after);
      holder.input({ kind: 'use-length', leaseMs: 2_000 });
      holder.until(5_000 + after + 1_000);
      expect(holder.times('stop-immediate')).toEqual([]);
      expect(holder.times('cut-router')).toEqual([]);
      expect(holder.state.budget.leaseMs).toBe(2_000);
    },
  );

  it('without answers goes on counting by the old one: the record still says it', () => {
    const holder = new Holder(20_000, 20_000).until(6_500);
    const [last] = holder.times('send-renewal').slice(-1);
    holder.input({ kind: 'use-length', leaseMs: 2_000 });
    holder.until(12_000, false);
    expect(holder.times('stop-immediate')).toEqual([]);
    expect(holder.state.budget.leaseMs).toBe(20_000);
    const faster = holder.times('send-renewal').filter((at) => at > last!);
    expect(faster[1]! - faster[0]!).toBeLessThanOrEqual(250);
  });

  it('by an answer, because a write of an earlier life came late, counts by it at once', () => {
    const holder = new Holder(20_000, 2_000).until(2_600);
    expect(holder.state.budget.leaseMs).toBe(2_000);
    expect(holder.times('stop-immediate')).toEqual([]);
  });
});

it('a grant brings its own length', () => {
  const holder = new Holder(2_000, 10_000);
  holder.input({ kind: 'granted', epoch: 6, sent: { now: 0, boot: 0 }, leaseMs: 10_000 });
  expect(holder.state.budget.leaseMs).toBe(10_000);
});
