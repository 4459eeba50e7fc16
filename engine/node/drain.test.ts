import { describe, expect, it } from 'vitest';
import { Drain } from './drain';

function rig() {
  const seen = { now: 0, operation: null as string | null };
  const drain = new Drain({ now: () => seen.now }, () => ({ operation: seen.operation }));
  return { seen, drain };
}

describe('a drain', () => {
  it('lasts as long as its operation has the group', () => {
    const { seen, drain } = rig();
    expect(drain.active).toBe(false);
    drain.begin('op-1');
    // The copy of the record is a moment behind.
    expect(drain.active).toBe(true);
    seen.operation = 'op-1';
    seen.now = 60_000;
    expect(drain.active).toBe(true);
    seen.operation = null;
    expect(drain.active).toBe(false);
  });
  it('ends with it also where another operation follows at once', () => {
    const { seen, drain } = rig();
    drain.begin('op-1');
    seen.operation = 'op-1';
    expect(drain.active).toBe(true);
    seen.operation = 'op-2';
    expect(drain.active).toBe(false);
  });
  it('of an operation that was never seen ends by itself', () => {
    const { seen, drain } = rig();
    drain.begin('op-1');
    seen.now = 2_001;
    expect(drain.active).toBe(false);
  });
  it('ends when it is told to', () => {
    const { drain } = rig();
    drain.begin('op-1');
    drain.end();
    expect(drain.active).toBe(false);
  });
});
