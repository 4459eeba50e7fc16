import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, describe, expect, it } from 'vitest';
import { defaultTopology, readTopology } from './topology';

const directory = mkdtempSync(join(tmpdir(), 'topology-'));
afterAll(() => rmSync(directory, { recursive: true }));

function file(text: string): string {
  const path = join(directory, `${Math.abs(hash(text))}.yaml`);
  writeFileSync(path, text);
  return path;
}

function hash(text: string): number {
  return [...text].reduce((sum, letter) => (sum * 31 + letter.charCodeAt(0)) | 0, 7);
}

describe('topology file', () => {
  it('has the documented default', () => {
    expect(defaultTopology.groups.map((g) => [g.name, g.nodes.map((n) => `${n.id}@${n.region}`)])).toEqual([
      ['alpha', ['node-1@us-east', 'node-2@us-east', 'node-3@eu-west']],
      ['beta', ['node-4@us-east', 'node-5@eu-west']],
    ]);
  });

  it('reads the documented example, whose votes leave no region a majority', () => {
    const topology = readTopology(join(import.meta.dirname, '../../docs/examples/topology-20.yaml'));
    expect(topology.groups.flatMap((group) => group.nodes)).toHaveLength(20);
    // The first five nodes, taken from the groups in turn, vote.
    const voters = [...topology.groups.map((group) => group.nodes[0]), topology.groups[0]?.nodes[1]];
    const regions = voters.map((node) => node?.region);
    for (const region of regions) expect(regions.filter((one) => one === region).length).toBeLessThanOrEqual(2);
  });

  it('reads groups, fills defaults', () => {
    const topology = readTopology(
      file('groups:\n  - name: g\n    nodes:\n      - id: a\n      - id: b\n        priority: 0\n'),
    );
    expect(topology.groups[0]).toEqual({
      name: 'g',
      commit_mode: 'semi_synchronous',
      nodes: [
        { id: 'a', region: 'local', priority: 100 },
        { id: 'b', region: 'local', priority: 0 },
      ],
    });
  });

  it.each([
    ['groups: []', /groups/],
    ['groups: [{name: g, nodes: [{id: a}, {id: a}]}]', /node a twice/],
    ['groups: [{name: g, nodes: [{id: a}]}, {name: g, nodes: [{id: b}]}]', /group g twice/],
    ['groups: [{name: G!, nodes: [{id: a}]}]', /groups\.0\.name/],
    [`groups: [{name: g, nodes: [{id: ${'n'.repeat(56)}}]}]`, /nodes\.0\.id.*at most 55/],
    ['groups: [{name: g, colour: red, nodes: [{id: a}]}]', /colour/],
    ['a: [', /YAML/],
  ])('refuses %j with a sentence', (text, message) => {
    expect(() => readTopology(file(text))).toThrow(message);
  });
});
