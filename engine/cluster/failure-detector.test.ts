/** From when on an automatic failover counts the outage: the last sign that the old primary could serve, never later than the truth. */
import { describe, expect, it } from 'vitest';
import type { GroupSnapshot } from '../operations/core/snapshot';
import { cluster, type FixtureOptions } from '../testing/cluster-fixture';
import { decide, lastServedAgeMs } from './failure-detector';

const heardBy = (lastHeardMs: number | null) => ({
  report: { links: [{ peer: 'node-1', connected: false, rttUs: null, lastHeardMs, phi: null }] },
});
function group(options: FixtureOptions, servedAgeMs: number | null): GroupSnapshot {
  const made = cluster({ leaseRemainingMs: 0, ...options }).groups.get('alpha')!;
  const members = made.members.map((member) =>
    member.record.id === 'node-1' ? { ...member, servedAgeMs } : { ...member, servedAgeMs: null },
  );
  return { ...made, members };
}

describe('lastServedAgeMs', () => {
  it.each<[string, FixtureOptions, number | null, number | null, number | null]>([
    ['its own last report', { nodes: { 'node-1': { ageMs: 2_100 } } }, 2_100, null, 2_100],
    ['a link heard it later than that', { nodes: { 'node-1': { ageMs: 2_900 } } }, 2_900, 2_050, 2_050],
    [
      'a new leader never heard of it, its own link did: the primary led the store and died',
      { nodes: { 'node-1': { ageMs: null } } },
      null,
      2_300,
      2_300,
    ],
    [
      'only another member heard it, as its report tells',
      { nodes: { 'node-1': { ageMs: null }, 'node-2': { ageMs: 400, ...heardBy(1_900) } } },
      null,
      null,
      3_300,
    ],
    [
      'it said that it does not serve any more: what its agent says later counts for nothing',
      { nodes: { 'node-1': { ageMs: 100, postgres: { state: 'stopping' } } } },
      1_500,
      50,
      1_500,
    ],
    [
      'it gave its lease back and no report was heard',
      { group: { leaseReleased: true }, nodes: { 'node-1': { ageMs: null } } },
      null,
      50,
      null,
    ],
    ['nobody heard it', { nodes: { 'node-1': { ageMs: null } } }, null, null, null],
  ])('%s', (_name, options, served, heard, expected) => {
    expect(lastServedAgeMs(group(options, served), heard)).toBe(expected);
  });
});

it('journals the evidence, and null without any', () => {
  const options: FixtureOptions = { leaseRemainingMs: 0, nodes: { 'node-1': { ageMs: null } } };
  const snapshot = cluster(options);
  const automatic = (heardAgeMs: number | null) => {
    const decision = decide({ snapshot, group: group(options, null), exit: null, heardAgeMs });
    return decision.kind === 'fail-over' && decision.request.kind === 'failover' ? decision.request.automatic : null;
  };
  expect(automatic(2_300)?.lastServedAt).toBe('2026-01-01T23:59:57.700Z');
  expect(automatic(null)?.lastServedAt).toBeNull();
});
