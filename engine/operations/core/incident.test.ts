/** The write pause is measured from the last sign that the old primary served; without one it is unknown, never a number that is too short. */
import { expect, it } from 'vitest';
import type { Check, Operation, OperationStep } from '../model';
import { pauseMsOf, pauseUnknown, summaryOf } from './incident';
import { promotionSteps, step } from './steps';

const at = (ms: number) => new Date(Date.parse('2026-01-01T00:00:00.000Z') + ms).toISOString();
const done = (entry: OperationStep, from: number, to: number): OperationStep => ({
  ...entry,
  state: 'succeeded',
  startedAt: at(from),
  finishedAt: at(to),
});
const promotion = promotionSteps('node-2').map((entry, index) => done(entry, 3_000 + index * 100, 3_100 + index * 100));

function operation(fields: Partial<Operation>): Operation {
  const request = { kind: 'failover', group: 'alpha', mode: 'failover' } as const;
  const base = {
    id: 'op',
    kind: 'failover',
    request,
    group: 'alpha',
    steps: promotion,
    checks: [],
    oldPrimary: 'node-1',
  };
  return {
    state: 'succeeded',
    createdAt: at(0),
    requestedBy: 'x',
    error: null,
    ...base,
    ...fields,
  } as unknown as Operation;
}
const automatic = (lastServedAt: string | null) =>
  operation({
    request: {
      kind: 'failover',
      group: 'alpha',
      mode: 'failover',
      automatic: { cause: 'x', detectedAt: at(2_900), lastServedAt },
    },
  });
const serving = { rule: 'primary-is-down', ok: false } as Check;

it.each<[string, Operation, number | null]>([
  ['automatic, the primary was last seen serving at 1.0 s', automatic(at(1_000)), 2_500],
  ['automatic, nobody had heard it', automatic(null), null],
  ['by hand while it served', operation({ checks: [serving] }), 500],
  ['by hand when it was down already', operation({}), null],
  ['with a stop first', operation({ steps: [done(step('demote', 'node-1'), 2_000, 2_900), ...promotion] }), 1_500],
])('%s', (_name, of, ms) => {
  expect(pauseMsOf(of)).toBe(ms);
  expect(pauseUnknown(of) === null).toBe(ms !== null);
  if (ms === null) expect(summaryOf(of, []).join(' ')).toContain('Write pause: Unknown');
});
