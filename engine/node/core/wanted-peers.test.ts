import { describe, expect, it } from 'vitest';
import { fullMeshNodes, type Mesh, wantedPeers } from './wanted-peers';

const voters = ['n1', 'n4', 'n7', 'n10', 'n13'];

function mesh(count: number, self: number, changes: Partial<Mesh> = {}): Mesh {
  const nodes = Array.from({ length: count }, (_, index) => ({
    id: `n${index + 1}`,
    group: `g${Math.floor(index / 3)}`,
  }));
  return { self: `n${self}`, group: nodes[self - 1]!.group, nodes, voters, ...changes };
}

describe('peers of a node', () => {
  it('are all, and all reported, in a small cluster', () => {
    const { connected, reported } = wantedPeers(mesh(fullMeshNodes, 20));
    expect(connected.size).toBe(fullMeshNodes);
    expect(reported).toBeNull();
  });

  it('are its group and the voters in a large one; it reports its group', () => {
    const { connected, reported } = wantedPeers(mesh(1_000, 500));
    expect([...connected].sort()).toEqual(['n499', 'n500', 'n501', ...voters].sort());
    expect([...reported!]).toEqual(['n499', 'n500', 'n501']);
  });

  it('are all for a voter, which may lead; it reports its group and the other voters', () => {
    const { connected, reported } = wantedPeers(mesh(1_000, 7));
    expect(connected.size).toBe(1_000);
    expect([...reported!]).toEqual(['n7', 'n8', 'n9', 'n1', 'n4', 'n10', 'n13']);
  });

  it('are all while the voters are not known, so that somebody who leads is found', () => {
    expect(wantedPeers(mesh(1_000, 500, { voters: [] })).connected.size).toBe(1_000);
  });

  it('are reported within a bound, also of a large group', () => {
    const nodes = Array.from({ length: 1_000 }, (_, index) => ({ id: `n${index + 1}`, group: 'one' }));
    expect(wantedPeers(mesh(1_000, 7, { nodes, group: 'one' })).reported!.size).toBe(fullMeshNodes);
  });
});
