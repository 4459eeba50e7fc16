/** A short run of the fuzzer on every procedure and surface; `npm run fuzz` is the long one. */
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import type { ConsoleFixture } from '../testing/console-fixture';
import { wrongWith } from '../testing/fuzz/check';
import { fuzz } from '../testing/fuzz/run';
import { streamKinds } from '../testing/fuzz/stream-requests';
import { fuzzStreams } from '../testing/fuzz/stream-run';
import { heldBy, startFuzzedConsole } from '../testing/fuzz/world';

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
}, 60_000);

it('finds no defect, no hang and nothing left open in streams', async () => {
  const held = () => heldBy(console);
  const report = await fuzzStreams(console, { streams: 180, seed: 20_261_123, held });
  expect(report.findings).toEqual([]);
  // A fuzzer that is always refused, or never, tries nothing.
  const count = (key: string) => report.outcomes[key] ?? 0;
  for (const kind of streamKinds) {
    if (kind !== 'upgrade') expect(count(`${kind} answered`), kind).toBeGreaterThan(5);
  }
  for (const refused of ['sse refused 400', 'graphql-sse refused 400', 'graphql-ws closed 4400', 'upgrade refused 404'])
    expect(count(refused), refused).toBeGreaterThan(0);
}, 60_000);

it('tells what a console still holds', async () => {
  const before = await heldBy(console);
  const reader = await console.request('/api/v1/events', { headers: { Accept: 'text/event-stream' } });
  const listening = await heldBy(console);
  expect([listening.streams, listening.listeners]).toEqual([before.streams + 1, before.listeners + 1]);
  await reader.body?.cancel();
  await expect.poll(async () => (await heldBy(console)).streams, { timeout: 10_000 }).toBe(before.streams);
});

it.each(['/api/trpc/%zz', '/api/v1/%zz', '//'])('knows no address %s, and says so', async (address) => {
  expect((await console.json(address)).status).toBe(404);
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
