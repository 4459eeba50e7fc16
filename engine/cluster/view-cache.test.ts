import { describe, expect, it } from 'vitest';
import { cluster } from '../testing/cluster-fixture';
import type { ClusterState } from './cluster-state';
import { ViewCache } from './view-cache';

/** A state whose primary's agent was blocked for so long. */
function scene() {
  let snapshot = cluster();
  const state = {
    groupNames: () => snapshot.groups.keys(),
    group: (name: string) => snapshot.groups.get(name) ?? null,
    groupOf: (id: string) => snapshot.nodes.get(id)?.record.group ?? null,
    node: (id: string) => snapshot.nodes.get(id) ?? null,
    raft: () => snapshot.raft,
    operation: () => null,
    unfinished: () => [],
    pauses: [],
    get config() {
      return snapshot.config;
    },
  } as unknown as ClusterState;
  const cache = new ViewCache(state, { monotonic: () => 0, wall: () => snapshot.atMs });
  const look = (loopBlockMs: number, atMs = snapshot.atMs) => {
    snapshot = { ...cluster({ nodes: { 'node-1': { report: { loopBlockMs } } } }), atMs };
    cache.touchAll();
    return cache.refresh();
  };
  const blocked = (loopBlockMs: number) => {
    const { begun, ended } = look(loopBlockMs);
    return [begun, ended].map((problems) => problems.map(({ rule, severity }) => `${severity} ${rule}`));
  };
  return { blocked, look, cache };
}

describe('ViewCache', () => {
  it('tells a problem once, again when it gets worse, and when it has ended', () => {
    const { blocked } = scene();
    expect(blocked(600)).toEqual([['warning agent-stalled'], []]);
    expect(blocked(700)).toEqual([[], []]);
    expect(blocked(1_300)).toEqual([['critical agent-stalled'], []]);
    expect(blocked(600)).toEqual([[], []]);
    expect(blocked(0)).toEqual([[], ['warning agent-stalled']]);
  });

  it('as a new leader counts from when it leads, not from when it supposed things as a follower', () => {
    const { look, cache } = scene();
    const supposedAt = Date.parse('2026-01-05T00:00:00.000Z');
    look(600, supposedAt);
    cache.forgetProblems();
    const { begun, ended } = look(610, supposedAt + 600_000);
    expect([begun.map((one) => one.since), ended]).toEqual([[new Date(supposedAt + 600_000).toISOString()], []]);
  });
});
