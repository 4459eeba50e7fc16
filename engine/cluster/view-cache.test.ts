import { describe, expect, it } from 'vitest';
import { cluster } from '../testing/cluster-fixture';
import type { ClusterState } from './cluster-state';
import { ViewCache } from './view-cache';

/** A state whose standby's agent was blocked for so long. */
function scene() {
  let snapshot = cluster();
  const state = {
    groupNames: () => snapshot.groups.keys(),
    group: (name: string) => snapshot.groups.get(name) ?? null,
    groupOf: (id: string) => snapshot.nodes.get(id)?.record.group ?? null,
    node: (id: string) => snapshot.nodes.get(id) ?? null,
    raft: () => snapshot.raft,
    operation: () => null,
    get config() {
      return snapshot.config;
    },
  } as unknown as ClusterState;
  const cache = new ViewCache(state, { monotonic: () => 0, wall: () => snapshot.atMs });
  return (loopBlockMs: number) => {
    snapshot = cluster({ nodes: { 'node-2': { report: { loopBlockMs } } } });
    cache.touchAll();
    const { begun, ended } = cache.refresh();
    return [begun, ended].map((problems) => problems.map(({ rule, severity }) => `${severity} ${rule}`));
  };
}

describe('ViewCache', () => {
  it('tells a problem once, again when it gets worse, and when it has ended', () => {
    const blocked = scene();
    expect(blocked(21)).toEqual([['info agent-stalled'], []]);
    expect(blocked(22)).toEqual([[], []]);
    expect(blocked(900)).toEqual([['warning agent-stalled'], []]);
    expect(blocked(30)).toEqual([[], []]);
    expect(blocked(0)).toEqual([[], ['info agent-stalled']]);
  });
});
