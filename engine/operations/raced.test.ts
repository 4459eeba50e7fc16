import { expect, it } from 'vitest';
import { deferred } from '../kernel/async';
import { systemLoop } from '../kernel/loop';
import { raced } from './raced';

const limit = { ms: 10_000, what: 'a step', loop: systemLoop };

it('answers what the work answers', async () => {
  await expect(raced(Promise.resolve(7), new AbortController().signal, limit)).resolves.toBe(7);
});

it('ends at the deadline', async () => {
  const never = deferred<number>().promise;
  await expect(raced(never, new AbortController().signal, { ...limit, ms: 5 })).rejects.toMatchObject({
    code: 'TIMEOUT',
  });
});

it.each(['before', 'while'])('survives work that fails after it was stopped %s it ran', async (when) => {
  const unhandled: unknown[] = [];
  const note = (reason: unknown) => unhandled.push(reason);
  process.on('unhandledRejection', note);
  const stop = new AbortController();
  const work = deferred<number>();
  if (when === 'before') stop.abort();
  const race = raced(work.promise, stop.signal, limit);
  stop.abort();
  await expect(race).rejects.toMatchObject({ code: 'CONFLICT' });
  work.reject(new Error('too late'));
  await new Promise((resolve) => setImmediate(resolve));
  process.off('unhandledRejection', note);
  expect(unhandled).toEqual([]);
});
