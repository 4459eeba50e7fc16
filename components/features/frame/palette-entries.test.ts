import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import type { ClusterNode } from '../../providers/wire';
import { type PaletteFacts, paletteEntries } from './palette-entries';
import { searchPalette } from './palette-search';

function node(id: string, role: 'primary' | 'standby', more: Partial<ClusterNode> = {}): ClusterNode {
  return {
    id,
    role,
    group: 'alpha',
    region: 'us-east',
    status: 'healthy',
    wanted: 'running',
    maintenance: false,
    postgres_state: role,
    replay_paused: false,
    ...more,
  } as ClusterNode;
}

const facts: PaletteFacts = {
  role: 'admin',
  rehearsal: true,
  dark: false,
  nodes: [node('node-1', 'primary'), node('node-2', 'standby'), node('node-3', 'standby', { wanted: 'stopped' })],
  groups: [{ name: 'alpha', primary: 'node-1', automatic_failover: true }],
  services: [
    { service_name: 'alpha-rw', kind: 'rw', group: 'alpha', host: '127.0.0.1', port: 6432 },
    { service_name: 'reporting', kind: 'ro', group: 'alpha', host: '127.0.0.1', port: 6433 },
  ],
  slots: [{ slot_name: 'cdc', node_id: 'node-1', group: 'alpha', slot_type: 'logical' }],
  operations: [],
};
const entries = paletteEntries(facts);
const first = (query: string, from = entries) => {
  const entry = searchPalette(from, query)[0]?.entries[0];
  return entry?.target.kind === 'page' ? entry.target.href : entry?.target.kind;
};
const labels = (from = entries) => from.map((entry) => entry.label);

describe('finding', () => {
  it.each([
    ['node-2', '/nodes/node-2'],
    ['reporting', '/services/reporting'],
    ['services', '/services'],
    ['cdc', '/replication?slot=node-1%2Fcdc'],
    ['sessions node-1', '/nodes/node-1?tab=sessions'],
    ['in doubt', '/transactions?tab=in-doubt'],
    ['prepared transactions', '/transactions?tab=in-doubt'],
    ['two-phase', '/transactions'],
    ['lockouts', '/access?tab=lockouts'],
    ['health history', '/settings?tab=health'],
    ['stop node-2', '/nodes/node-2?do=stop'],
    ['api key create', '/access?tab=keys&do=create-key'],
    ['pause automatic alpha', '/settings?tab=failover&do=automatic-failover-alpha'],
    ['dark', 'theme'],
  ])('%s leads to %s', (query, href) => expect(first(query)).toBe(href));

  it('every word counts, and nothing is nothing', () => {
    expect(searchPalette(entries, 'node-2 beta')).toEqual([]);
  });

  it('the thousandth node is found, and says how many more there are', () => {
    const many = { ...facts, nodes: Array.from({ length: 1000 }, (_, index) => node(`node-${index + 1}`, 'standby')) };
    const all = paletteEntries(many);
    expect(first('node-1000', all)).toBe('/nodes/node-1000');
    expect(searchPalette(all, 'node-9')[0]?.more).toBeGreaterThan(0);
  });
});

describe('what is offered', () => {
  it('has no two entries of one id', () => {
    expect(new Set(entries.map((entry) => entry.id)).size).toBe(entries.length);
  });

  it('only what makes sense for the node now', () => {
    expect(labels()).toContain('Start node-3');
    for (const label of ['Start node-2', 'Stop node-3', 'Remove node-1', 'Make node-1 the primary']) {
      expect(labels()).not.toContain(label);
    }
  });

  it('only what the role allows', () => {
    const viewer = paletteEntries({ ...facts, role: 'viewer' });
    expect(viewer.filter((entry) => entry.section === 'Actions').map((entry) => entry.label)).toEqual([
      'Use the dark theme',
      'Change my password',
      'End my other sessions',
    ]);
    expect(labels(viewer).some((label) => label.startsWith('Users & keys'))).toBe(false);
    const operator = labels(paletteEntries({ ...facts, role: 'operator' }));
    expect(operator).toContain('Switch over alpha');
    expect(operator).not.toContain('Create a user');
  });

  it('every action that has a door of its own in the console', () => {
    const doors = readdirSync('components', { recursive: true, encoding: 'utf8' })
      .filter((file) => file.endsWith('.tsx'))
      .flatMap((file) => [
        ...readFileSync(join('components', file), 'utf8').matchAll(/\bdoor=(?:"([^"]+)"|\{`([^`]+)`\})/g),
      ])
      .map(([, plain, made]) => plain ?? made?.replace(/\$\{[^}]+\}/, 'alpha'));
    expect(doors.length).toBeGreaterThanOrEqual(15);
    const reached = entries.flatMap((entry) =>
      entry.target.kind === 'page' ? (new URL(entry.target.href, 'http://x').searchParams.get('do') ?? []) : [],
    );
    for (const door of doors) expect(reached).toContain(door);
  });
});
