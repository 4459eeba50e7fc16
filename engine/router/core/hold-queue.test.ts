import { describe, expect, it } from 'vitest';
import { fc } from '../../testing/property-tests';
import { HoldQueue } from './hold-queue';

describe('HoldQueue', () => {
  it('refuses beyond its limit and takes again after one left', () => {
    const queue = new HoldQueue<string>(2);
    expect([queue.add('a', 0, 10), queue.add('b', 0, 10), queue.add('c', 0, 10)]).toEqual([true, true, false]);
    queue.remove('a');
    expect(queue.add('c', 0, 10)).toBe(true);
  });
  it('tries the oldest first and keeps a failed one’s place', () => {
    const queue = new HoldQueue<string>(9);
    for (const client of ['a', 'b', 'c']) queue.add(client, 0, 100);
    expect(queue.take(0, 2)?.client).toBe('a');
    expect(queue.take(0, 2)?.client).toBe('b');
    expect(queue.take(0, 2)).toBeNull();
    queue.putBack('a', 5);
    expect(queue.take(4, 2)?.client).toBe('c');
    queue.putBack('c', 4);
    expect(queue.take(5, 2)?.client).toBe('a');
  });
  it('expires at the deadline, but not what is being tried', () => {
    const queue = new HoldQueue<string>(9);
    queue.add('a', 0, 10);
    queue.add('b', 1, 10);
    queue.take(0, 9);
    expect(queue.expire(11).map((held) => held.client)).toEqual(['b']);
    queue.putBack('a', 11);
    expect(queue.expire(11).map((held) => held.client)).toEqual(['a']);
    expect(queue.size).toBe(0);
  });
  it('matches a naive list under any sequence', () => {
    const command = fc.record({
      kind: fc.constantFrom('add', 'take', 'back', 'remove', 'expire'),
      client: fc.nat(12),
      step: fc.nat(5),
    });
    fc.assert(
      fc.property(fc.array(command, { maxLength: 60 }), (commands) => {
        const queue = new HoldQueue<number>(5);
        let model: { client: number; deadline: number; trying: boolean; notBefore: number }[] = [];
        let now = 0;
        for (const { kind, client, step } of commands) {
          now += step;
          const entry = model.find((one) => one.client === client);
          if (kind === 'add' && !entry) {
            const fits = model.length < 5;
            expect(queue.add(client, now, 8)).toBe(fits);
            if (fits) model.push({ client, deadline: now + 8, trying: false, notBefore: now });
          } else if (kind === 'take') {
            const busy = model.filter((one) => one.trying).length;
            const next = busy >= 2 ? undefined : model.find((one) => !one.trying && one.notBefore <= now);
            expect(queue.take(now, 2)?.client).toBe(next?.client);
            if (next) next.trying = true;
          } else if (kind === 'back' && entry?.trying) {
            expect(queue.putBack(client, now + 2)).toBe(true);
            Object.assign(entry, { trying: false, notBefore: now + 2 });
          } else if (kind === 'remove') {
            expect(queue.remove(client)?.client).toBe(entry?.client);
            model = model.filter((one) => one !== entry);
          } else if (kind === 'expire') {
            const gone = model.filter((one) => !one.trying && one.deadline <= now);
            expect(queue.expire(now).map((held) => held.client)).toEqual(gone.map((one) => one.client));
            model = model.filter((one) => !gone.includes(one));
          }
          expect(queue.size).toBe(model.length);
          expect(queue.trying).toBe(model.filter((one) => one.trying).length);
          expect(queue.size).toBeLessThanOrEqual(5);
        }
      }),
    );
  });
});
