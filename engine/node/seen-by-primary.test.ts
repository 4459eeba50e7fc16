import { describe, expect, it } from 'vitest';
import { SeenByPrimary } from './seen-by-primary';

function scene() {
  let now = 0;
  let primary: string | null = 'a';
  const asked: { of: string; tell: (members: unknown) => void; fail: () => void }[] = [];
  const seen = new SeenByPrimary(
    {
      loop: { now: () => now },
      config: { nodeId: 'b' },
      interconnect: {
        request: (of: string) =>
          new Promise((tell, reject) => {
            asked.push({ of, tell, fail: () => reject(new Error('silent')) });
          }),
      },
    } as unknown as ConstructorParameters<typeof SeenByPrimary>[0],
    () => primary,
  );
  return {
    seen,
    asked,
    pass: (ms: number) => {
      now += ms;
    },
    primaryIs: (id: string | null) => {
      primary = id;
    },
  };
}

const members = { c: { state: 'streaming' } };

describe('what the primary sees', () => {
  it('is asked once a second, however many want to know', async () => {
    const { seen, asked, pass } = scene();
    const all = Promise.all([seen.refresh(), seen.refresh(), seen.refresh()]);
    asked[0]!.tell(members);
    await all;
    pass(999);
    await seen.refresh();
    expect([asked.length, seen.members]).toEqual([1, members]);
    pass(1);
    const again = seen.refresh();
    asked[1]!.fail();
    await again;
    expect([asked.length, seen.members]).toEqual([2, members]);
  });

  it('counts for 3 s, of the present primary only', async () => {
    const { seen, asked, pass, primaryIs } = scene();
    const first = seen.refresh();
    asked[0]!.tell(members);
    await first;
    primaryIs('c');
    expect(seen.members).toBeNull();
    primaryIs('a');
    pass(3_000);
    expect(seen.members).toEqual(members);
    pass(1);
    expect(seen.members).toBeNull();
  });

  it('is no question of the primary itself, nor without one', async () => {
    const { seen, asked, primaryIs } = scene();
    primaryIs('b');
    await seen.refresh();
    primaryIs(null);
    await seen.refresh();
    expect(asked).toEqual([]);
  });
});
