import { describe, expect, it } from 'vitest';
import type { ClusterNode, Group, Link, Topology } from '../../providers/wire';
import { mapGroups, mapLinks, mapNodes, mapServices } from './map-data';

describe('rows of the map', () => {
  const row = (index: number) => ({
    id: `node-${index + 1}`,
    group: 'alpha',
    role: 'standby',
    cpu_usage: 3,
    lag_ms: 0.4,
    transactions_per_second: 1,
  });
  const topology = {
    nodes: Array.from({ length: 20 }, (_, index) => row(index) as ClusterNode),
    groups: [{ name: 'alpha', primary: 'node-1', lease_holder: 'node-1', sentence: 'Serves.' } as Group],
    links: [
      {
        from: 'node-1',
        to: 'node-2',
        kind: 'replication',
        state: 'streaming',
        lag_ms: 0.2,
        bytes_per_second: null,
        rtt_us: null,
      } as Link,
    ],
    leader_node: 'node-1',
    problems: [] as Topology['problems'],
  } as Topology;
  const nodes = mapNodes(topology, []);
  const groups = mapGroups(topology, [], new Set());
  const replication = { replication: true, interconnect: false, services: false };
  const links = mapLinks(topology, [], replication);

  it('are the same lists after a tick that shows nowhere', () => {
    const later = {
      ...topology,
      nodes: topology.nodes.map((node) => ({ ...node, uptime_seconds: 99, report_age_ms: 7 })),
    };
    expect(mapNodes(later, nodes)).toBe(nodes);
    expect(mapGroups(later, groups, new Set())).toBe(groups);
    expect(mapLinks(later, links, replication)).toBe(links);
  });

  it('are new objects only where they are drawn otherwise', () => {
    const changed = topology.nodes.map((node) => (node.id === 'node-7' ? { ...node, cpu_usage: 88 } : { ...node }));
    const next = mapNodes({ ...topology, nodes: changed }, nodes);
    expect(next.filter((node, at) => node !== nodes[at]).map((node) => node.id)).toEqual(['node-7']);
  });

  it('a card has the lag of its link, not one put together from two reports', () => {
    const [wal] = topology.links;
    const seen = { ...topology, links: [{ ...wal!, lag_bytes: 512 }] };
    const lags = (at: Topology) =>
      mapNodes(at, [])
        .slice(0, 3)
        .map((node) => node.lagBytes);
    expect(lags({ ...seen, nodes: seen.nodes.map((node) => ({ ...node, lag_bytes: 4096 })) })).toEqual([
      4096, 512, 4096,
    ]);
  });

  it('are the links of the layers that are shown', () => {
    const [wal] = topology.links;
    const both = { ...topology, links: [wal!, { ...wal!, kind: 'interconnect' as const, state: 'connected' }] };
    const kinds = (layers: typeof replication) => mapLinks(both, [], layers).map((link) => link.kind);
    expect(kinds(replication)).toEqual(['replication']);
    expect(kinds({ ...replication, interconnect: true })).toEqual(['replication', 'interconnect']);
  });

  it('are made anew when nodes come and go', () => {
    const fewer = mapNodes({ ...topology, nodes: topology.nodes.slice(1) }, nodes);
    expect(fewer.map((node) => node.id)).toEqual(topology.nodes.slice(1).map((node) => node.id));
    expect(mapNodes(topology, fewer)).toEqual(nodes);
  });
});

it('services stand by the nodes behind them', () => {
  const endpoint = (node: string, state: 'active' | 'idle', sessions: number) => ({
    node,
    state,
    reason: null,
    sessions,
    weight: 1,
    connect_ms: null,
  });
  const pool = (kind: 'rw' | 'ro', endpoints: ReturnType<typeof endpoint>[]) =>
    ({ service: `alpha-${kind}`, kind, endpoints }) as Parameters<typeof mapServices>[0][number];
  const services = mapServices([
    pool('rw', [endpoint('node-1', 'active', 7), endpoint('node-2', 'idle', 0)]),
    pool('ro', [endpoint('node-2', 'active', 3)]),
  ]);
  expect(services.get('node-1')).toEqual([
    { service: 'alpha-rw', kind: 'rw', state: 'active', reason: null, sessions: 7 },
  ]);
  expect(services.get('node-2')?.map(({ service, sessions }) => [service, sessions])).toEqual([
    ['alpha-rw', 0],
    ['alpha-ro', 3],
  ]);
});
