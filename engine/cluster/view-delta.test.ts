import { describe, expect, it } from 'vitest';
import type { ClusterView, GroupView, LinkView, NodeView } from './model';
import { mergeView, viewDelta } from './view-delta';

const node = (id: string, status = 'healthy') => ({ record: { id }, status }) as unknown as NodeView;
const group = (name: string, sentence = '') => ({ record: { name }, sentence }) as unknown as GroupView;
const link = (from: string, to: string, rttUs = 80): LinkView => ({
  from,
  to,
  kind: 'interconnect',
  state: 'connected',
  mode: null,
  lagBytes: null,
  lagMs: null,
  bytesPerSecond: null,
  rttUs,
});

const view = {
  revision: 1,
  at: 'then',
  sentence: 'Healthy',
  problems: [],
  nodes: [node('node-1'), node('node-2'), node('node-3')],
  groups: [group('alpha'), group('beta')],
  links: [link('node-1', 'node-2'), link('node-2', 'node-1')],
} as unknown as ClusterView;

/** As it arrives: over the wire. */
function merged(before: ClusterView, after: ClusterView): ClusterView {
  const item = viewDelta(before, after);
  return mergeView(before, JSON.parse(JSON.stringify(item)))!;
}

describe('the difference of two views', () => {
  it('is nothing when the revision is the same', () => {
    expect(viewDelta(view, { ...view })).toBeNull();
  });

  it('tells the rows that changed, and of the rest the sections that changed', () => {
    const after = {
      ...view,
      revision: 2,
      at: 'now',
      sentence: 'beta is degraded',
      problems: [],
      nodes: [view.nodes[0]!, node('node-2', 'degraded'), view.nodes[2]!],
      groups: [view.groups[0]!, group('beta', 'slow')],
      links: [view.links[0]!, link('node-2', 'node-1', 900)],
    };
    expect(viewDelta(view, after)).toEqual({
      kind: 'patch',
      revision: 2,
      at: 'now',
      nodes: { changed: [after.nodes[1]], removed: [] },
      groups: { changed: [after.groups[1]], removed: [] },
      links: { changed: [after.links[1]], removed: [] },
      rest: { sentence: 'beta is degraded' },
    });
    expect(merged(view, after)).toEqual(after);
  });

  it('tells what is gone and what is new, and leaves what did not change as the same objects', () => {
    const after = {
      ...view,
      revision: 3,
      nodes: [view.nodes[0]!, view.nodes[2]!, node('node-4')],
      links: [view.links[1]!],
    };
    const result = merged(view, after);
    expect(result).toEqual(after);
    expect(result.nodes[0]).toBe(view.nodes[0]);
    expect(result.groups).toBe(view.groups);
  });

  it('means nothing before the first whole view', () => {
    expect(mergeView(null, { kind: 'full', view })).toBe(view);
    expect(mergeView(null, { kind: 'patch', revision: 8, at: 'now' })).toBeNull();
  });
});
