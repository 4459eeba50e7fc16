/** What a region lacks is measured at its best copy, the worst of its groups stands in front, and what is unknown is not 0. */
import { describe, expect, it } from 'vitest';
import type { ClusterView } from '@/engine/cluster/model';
import { recordedView } from '@/server/testing/recorded-view';
import { presentGeoStatus, presentRegions } from './present';

const current = (view: ClusterView) => ({ view, ageMs: 0, live: true });
const statusOf = (view: ClusterView) =>
  Object.fromEntries(presentGeoStatus(current(view)).regions.map((one) => [one.id, one] as const));

/** The same cluster while one node has not reported. */
function silent(id: string): ClusterView {
  const view = recordedView();
  return { ...view, nodes: view.nodes.map((node) => (node.record.id === id ? { ...node, report: null } : node)) };
}

describe('regions', () => {
  it('are those that nodes are in', () => {
    expect(presentRegions(current(recordedView()))).toEqual([
      { id: 'eu-west', nodes: ['node-3', 'node-5'], healthy_nodes: 2, groups: ['alpha', 'beta'], primaries: [] },
      {
        id: 'us-east',
        nodes: ['node-1', 'node-2', 'node-4'],
        healthy_nodes: 3,
        groups: ['alpha', 'beta'],
        primaries: ['node-1', 'node-4'],
      },
    ]);
  });

  it('lack nothing where the primaries are, and what their best copies lack elsewhere', () => {
    const { 'us-east': primary, 'eu-west': standby } = statusOf(recordedView());
    expect(primary).toMatchObject({ role: 'primary', rpo_bytes: 0, lag_bytes: 0, lag_ms: 0, total_nodes: 3 });
    expect(standby).toMatchObject({ role: 'standby', rpo_bytes: 4000, lag_bytes: 4000, lag_ms: 12 });
    expect(standby!.groups).toMatchObject([
      { group: 'alpha', role: 'standby', nodes: ['node-3'], rpo_bytes: 2000, lag_ms: 6 },
      { group: 'beta', role: 'standby', nodes: ['node-5'], rpo_bytes: 4000 },
    ]);
  });

  it('take received WAL for what would be lost, replayed WAL for lag', () => {
    const view = recordedView();
    const nodes = view.nodes.map((node) => {
      if (node.record.id !== 'node-3') return node;
      const postgres = { ...node.report!.postgres, lsn: '0/5000000', replayLsn: '0/4FFF000' };
      return { ...node, report: { ...node.report!, postgres } };
    });
    const alpha = statusOf({ ...view, nodes })['eu-west']!.groups[0]!;
    expect(alpha).toMatchObject({ rpo_bytes: 0, lag_bytes: 0x1000 });
  });

  it('do not know what nobody tells', () => {
    expect(statusOf(silent('node-5'))['eu-west']).toMatchObject({ rpo_bytes: null, lag_bytes: null, lag_ms: null });
    expect(statusOf(silent('node-1'))['eu-west']!.groups[0]).toMatchObject({ rpo_bytes: null, lag_bytes: null });
    expect(statusOf(silent('node-5'))['us-east']).toMatchObject({ rpo_bytes: 0 });
  });
});
