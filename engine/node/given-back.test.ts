import { describe, expect, it } from 'vitest';
import type { GroupRecord } from '../cluster/model';
import type { Loop } from '../kernel/loop';
import { GivenBack } from './given-back';
import type { LeaseHolder } from './lease-holder';

const released = { name: 'g', primary: 'n1', epoch: 3, leaseReleased: true, operation: null } as GroupRecord;

function rig() {
  const seen = { now: 0, taken: [] as number[], unfit: null as string | null };
  const loop = { now: () => seen.now } as Loop;
  const lease = { epoch: 3, input: () => undefined } as unknown as LeaseHolder;
  const parts = new GivenBack(
    loop,
    lease,
    async () => seen.unfit,
    async () => {
      seen.taken.push(seen.now);
    },
  );
  const until = async (end: number, record = released) => {
    let said = '';
    for (; seen.now <= end; seen.now += 250) said = await parts.look(record);
    return said;
  };
  return { seen, parts, until };
}

describe('a primary that gave its lease back and that nobody follows', () => {
  it('goes on itself after a moment', async () => {
    const { seen, until } = rig();
    expect(await until(3_750)).toBe('the lease was given back: waits for the next primary');
    expect(seen.taken).toEqual([]);
    await until(4_000);
    expect(seen.taken).toEqual([4_000]);
  });

  it('waits while an operation has the group', async () => {
    const { seen, until } = rig();
    await until(60_000, { ...released, operation: 'op-1' });
    expect(seen.taken).toEqual([]);
  });

  it('takes nothing back without data to serve, and says so', async () => {
    const { seen, until } = rig();
    seen.unfit = 'the data directory of n1 is gone';
    expect(await until(120_000)).toContain('because the data directory of n1 is gone');
    expect(seen.taken).toEqual([]);
    // Somebody put it back.
    seen.unfit = null;
    await until(130_000);
    expect(seen.taken).toHaveLength(1);
  });

  it('tries a server that never comes up more and more seldom, and forgets that once it serves', async () => {
    const { seen, parts, until } = rig();
    await until(600_000);
    const gaps = seen.taken.map((at, index) => at - (seen.taken[index - 1] ?? 0));
    expect(gaps.slice(0, 5)).toEqual([4_000, 8_250, 16_250, 32_250, 64_250]);
    expect(Math.max(...gaps)).toBeLessThan(65_000);
    parts.serves();
    parts.isOver();
    const before = seen.now;
    await until(before + 5_000);
    expect(seen.taken.at(-1)).toBe(before + 4_000);
  });
});
