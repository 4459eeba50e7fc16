/** Both ends of the live view: the server's patches, applied by the page, give what the server would have sent whole. */
import { describe, expect, it } from 'vitest';
import { applyPatch, type LiveCopy } from '@/components/providers/live-patch';
import type { ClusterView } from '@/engine/cluster/model';
import { largeView } from '../../testing/recorded-view';
import { type LiveView, patchOf } from './live-patch';
import { presentLive } from './present';

const present = (view: ClusterView) => presentLive({ view, ageMs: 3, live: true }, false);
/** As it comes out of the socket. */
const sent = <T>(value: T): T => JSON.parse(JSON.stringify(value)) as T;

function withReports(view: ClusterView, indexes: readonly number[], round: number): ClusterView {
  const nodes = view.nodes.map((node, index) => {
    if (!indexes.includes(index)) return node;
    const cpuPercent = round + index;
    const postgres = { ...node.report!.postgres, lsn: `0/${(round * 4096).toString(16).toUpperCase()}` as const };
    return { ...node, report: { ...node.report!, cpuPercent, postgres, troubles: round % 2 ? ['slow'] : [] } };
  });
  return { ...view, nodes, revision: view.revision + 1 };
}

/** A small generator: the same steps in each run. */
function generator(seed: number) {
  let state = seed;
  return (below: number) => {
    state = (state * 1_103_515_245 + 12_345) % 2 ** 31;
    return Math.floor((state / 2 ** 31) * below);
  };
}

describe('patches of the live view', () => {
  it('give what is true now, over many changes of rows, membership and the rest', () => {
    const random = generator(7);
    let view = largeView(40);
    let before: LiveView | null = null;
    let copy: LiveCopy | null = null;
    for (let round = 1; round <= 200; round++) {
      const change = random(10);
      if (change < 7) view = withReports(view, [random(40), random(40), random(40)], round);
      else if (change === 7) view = { ...view, nodes: random(2) ? view.nodes.slice(1) : largeView(40).nodes };
      else if (change === 8) view = { ...view, links: random(2) ? view.links.slice(1) : largeView(40).links };
      else view = { ...view, sentence: `round ${round}`, problems: [] };
      const after = present(view);
      const applied = applyPatch(copy, sent(patchOf(before, after, round)));
      if (applied.kind === 'gap') throw new Error(`a gap in round ${round}`);
      copy = applied.copy;
      expect(copy.live).toEqual(sent(after));
      before = after;
    }
  });

  it('are small, and leave rows that did not change as they are', () => {
    const view = largeView(1_000);
    const before = present(view);
    const first = applyPatch(null, patchOf(null, before, 1));
    if (first.kind === 'gap') throw new Error('the first item is whole');
    const patch = patchOf(before, present(withReports(view, [3, 501], 9)), 2);
    expect(JSON.stringify(patch).length).toBeLessThan(2_000);
    const second = applyPatch(first.copy, patch);
    if (second.kind === 'gap') throw new Error('no gap here');
    const { nodes } = second.copy.live.topology;
    expect(nodes.filter((node, at) => node !== first.copy.live.topology.nodes[at])).toHaveLength(2);
    expect(second.copy.live.topology.links).toBe(first.copy.live.topology.links);
  });

  it('are whole when a field went away: pids are not shown any more', () => {
    const view = largeView(5);
    const admin = presentLive({ view, ageMs: 3, live: true }, true);
    expect(patchOf(admin, present(view), 2).whole).not.toBeNull();
  });

  it('that do not follow what the page has are a gap', () => {
    const view = largeView(5);
    const patch = patchOf(present(view), present(withReports(view, [1], 2)), 5);
    expect(applyPatch(null, patch)).toEqual({ kind: 'gap' });
    expect(applyPatch({ live: present(view), sequence: 3 }, patch)).toEqual({ kind: 'gap' });
    expect(applyPatch({ live: present(view), sequence: 4 }, patch).kind).toBe('applied');
    const beyond = { ...patch, nodes: [{ at: 99, lsn: '0/1' }] };
    expect(applyPatch({ live: present(view), sequence: 4 }, beyond)).toEqual({ kind: 'gap' });
  });
});
