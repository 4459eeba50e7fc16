import { expect, it } from 'vitest';
import type { Loop } from '../kernel/loop';
import { TimingChange, type Timings } from './timing-change';

/** One member: what is in force when, and the timer that is still to come. */
function member() {
  const log: string[] = [];
  let pending: (() => void) | null = null;
  const loop = {
    after: (_: number, job: () => void) => {
      pending = job;
      return { cancel: () => (pending = null) };
    },
  } as unknown as Loop;
  const change = new TimingChange(loop, ({ heartbeatMs, electionMs }) => log.push(`${heartbeatMs}/${electionMs}`));
  const set = (heartbeatMs: number, electionMs: number): void =>
    change.configured({ heartbeatMs, electionMs, leaseMs: 2_000 } as Timings);
  return { log, set, settle: () => pending?.() };
}

it.each([
  ['slower', [100, 500], [1_000, 4_000], ['100/500', '100/4000', '1000/4000']],
  ['faster', [1_000, 4_000], [100, 500], ['1000/4000', '100/4000', '100/500']],
  ['only the heartbeat faster', [200, 1_000], [100, 1_000], ['200/1000', '100/1000']],
] as [string, [number, number], [number, number], string[]][])(
  '%s: nobody waits briefly while somebody sends rarely',
  (_, before, after, expected) => {
    const { log, set, settle } = member();
    set(...before);
    set(...after);
    settle();
    expect(log).toEqual(expected);
  },
);

it('a second change before the first has settled starts from what is in force', () => {
  const { log, set, settle } = member();
  set(100, 500);
  set(1_000, 4_000);
  set(100, 500);
  settle();
  expect(log).toEqual(['100/500', '100/4000', '100/4000', '100/500']);
});
