/** A failover record names who served before and tells the pause that the engine measured, or why there is none. */
import { expect, it } from 'vitest';
import type { Operation } from '@/engine/operations/model';
import { presentFailover } from './present-failover';

function failover(result: Operation['result']): Operation {
  return {
    id: '1',
    kind: 'failover',
    group: 'alpha',
    request: {
      kind: 'failover',
      group: 'alpha',
      mode: 'failover',
      automatic: { cause: 'The lease ran out.', detectedAt: '2026-01-01T00:00:02.000Z', lastServedAt: null },
    },
    state: 'succeeded',
    requestedBy: 'controller',
    reason: null,
    requestId: null,
    createdAt: '2026-01-01T00:00:02.000Z',
    finishedAt: '2026-01-01T00:00:03.000Z',
    scheduledAt: null,
    planHash: '',
    steps: [],
    checks: [],
    candidates: [],
    expectedPauseMs: 600,
    bytesAtRisk: 0,
    timeline: [{ phase: 'fence', startedAt: '2026-01-01T00:00:02.000Z', ms: 400 }],
    summary: [],
    result,
    error: null,
    oldPrimary: 'node-1',
  };
}

it('tells who served before and after, and the measured pause', () => {
  const record = presentFailover(failover({ primary: 'node-2', epoch: 2, pause_ms: 2_345 }));
  expect(record).toMatchObject({ from: 'node-1', to: 'node-2', write_pause_ms: 2_345, write_pause_unknown: null });
});

it('gives no number where none was measured, and says why', () => {
  const record = presentFailover(failover({ primary: 'node-2', epoch: 2, pause_unknown: 'Unknown: nobody heard it.' }));
  expect(record).toMatchObject({ write_pause_ms: null, write_pause_unknown: 'Unknown: nobody heard it.' });
});
