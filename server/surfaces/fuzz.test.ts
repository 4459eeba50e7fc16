/** A short run of the fuzzer on every procedure and surface; `npm run fuzz` is the long one. */
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import type { ConsoleFixture } from '../testing/console-fixture';
import { wrongWith } from '../testing/fuzz/check';
import { fuzz } from '../testing/fuzz/run';
import { startFuzzedConsole } from '../testing/fuzz/world';

let console: ConsoleFixture;
beforeAll(async () => {
  console = await startFuzzedConsole();
});
afterAll(() => console.stop());

it('finds no 5xx, no hang and no leak', async () => {
  const report = await fuzz(console, { requests: 700, seed: 20_261_122 });
  expect(report.findings).toEqual([]);
  const answered = (prefix: string, group: string) =>
    Object.entries(report.statuses)
      .filter(([key]) => key.startsWith(`${prefix} ${group}`))
      .reduce((sum, [, count]) => sum + count, 0);
  // A fuzzer that only ever gets refusals, or only answers, tries nothing.
  for (const surface of ['rest', 'trpc']) {
    expect(answered(surface, '2'), surface).toBeGreaterThan(15);
    expect(answered(surface, '4'), surface).toBeGreaterThan(15);
  }
});

describe('what counts as wrong', () => {
  const answer = (status: number, text: string, ms = 1) => wrongWith({ status, text, ms }, 'GET /x');

  it('is a defect, a hang and a leak, and nothing else', () => {
    expect(answer(500, '{}')).toContain('answered 500');
    expect(answer(200, '{"errors":[{"extensions":{"code":"INTERNAL"}}]}')).toContain('INTERNAL');
    expect(answer(200, '{}', 60_000)).toContain('took');
    expect(answer(400, 'at handle (/work/server/x.ts:3:1)')).toContain('leaks');
    expect(answer(400, "TypeError: Cannot read properties of undefined (reading 'x')")).toContain('leaks');
    expect(answer(400, '{"code":"INVALID_INPUT"}')).toBeNull();
    expect(answer(503, '{"code":"UNAVAILABLE"}')).toBeNull();
  });
});
