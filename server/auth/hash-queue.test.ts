/** Some hash, some wait, the rest is refused; a failure gives its turn on like a success. */
import { expect, it } from 'vitest';
import { HashQueue } from './hash-queue';

function controlled() {
  const begun: { finish(): void; fail(): void }[] = [];
  const hash = () =>
    new Promise<string>((resolve, reject) => {
      begun.push({ finish: () => resolve('done'), fail: () => reject(new Error('broken')) });
    });
  return { begun, hash };
}

it('runs two, lets three wait, and tells the others when to come back', async () => {
  const queue = new HashQueue({ atOnce: 2, waiting: 3 });
  const { begun, hash } = controlled();
  const all = Array.from({ length: 8 }, () => queue.run(hash));
  const refused = await Promise.allSettled(all.slice(5));
  for (const one of refused) {
    expect(one).toMatchObject({
      reason: { code: 'RATE_LIMITED', details: { extra: { retry_after: 5, remaining: 0 } } },
    });
  }
  expect(begun).toHaveLength(2);
  begun[0]!.finish();
  await all[0];
  begun[1]!.fail();
  await expect(all[1]).rejects.toThrow('broken');
  expect(begun).toHaveLength(4);
  begun[2]!.finish();
  begun[3]!.finish();
  await all[2];
  begun[4]!.finish();
  expect(await Promise.all(all.slice(2, 5))).toEqual(['done', 'done', 'done']);
  void queue.run(hash);
  void queue.run(hash);
  expect(begun).toHaveLength(7);
});
