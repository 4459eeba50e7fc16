import { describe, expect, it } from 'vitest';
import { isNodeName, leastFor, limitsFor, mostMembers } from './member-limits';

describe('limits that follow from the members', () => {
  it.each([
    [1, 16],
    [8, 16],
    [9, 32],
    [18, 32],
    [25, 64],
    [100, 128],
  ])('%i members: %i senders', (members, senders) => {
    expect(limitsFor(members)).toEqual({
      max_wal_senders: senders,
      max_replication_slots: 2 * senders,
      max_connections: 184 + senders,
    });
  });
  it('the usual is never less than the least, also for the next member, and leaves eight to users', () => {
    for (let members = 1; members <= mostMembers; members++) {
      const usual = limitsFor(members);
      expect(usual.max_wal_senders - (members - 1)).toBeGreaterThan(8);
      for (const [name, least] of Object.entries(leastFor(members + 1)))
        expect(usual[name as keyof typeof usual]).toBeGreaterThanOrEqual(least);
    }
  });
  it('a node’s name leaves room for the name of its slot', () => {
    expect(isNodeName('n'.repeat(55))).toBe(true);
    expect(isNodeName('n'.repeat(56))).toBe(false);
    expect(isNodeName('N')).toBe(false);
  });
});
