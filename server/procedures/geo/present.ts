/** Regions as the nodes' records name them, and what each region's copies lack. Pure; unknown stays null, also in the worst of several. */
import type { ClusterView, NodeView } from '@/engine/cluster/model';
import { lagBytes } from '@/engine/kernel/lsn';
import type { CurrentView } from '@/server/engine-client/api';
import { sortedGroups } from '../shared/find';
import { lagOf } from '../shared/present-node';

function byRegion(view: ClusterView): readonly (readonly [string, readonly NodeView[]])[] {
  const regions = new Map<string, NodeView[]>();
  for (const node of view.nodes) {
    const nodes = regions.get(node.record.region);
    if (nodes) nodes.push(node);
    else regions.set(node.record.region, [node]);
  }
  return [...regions].sort(([a], [b]) => (a < b ? -1 : 1));
}

const healthyIn = (nodes: readonly NodeView[]) => nodes.filter((node) => node.status === 'healthy').length;
const idsOf = (nodes: readonly NodeView[]) => nodes.map((node) => node.record.id).sort();

export function presentRegions({ view }: CurrentView) {
  const primaries = new Set(view.groups.map((group) => group.record.primary));
  return byRegion(view).map(([id, nodes]) => ({
    id,
    nodes: idsOf(nodes),
    healthy_nodes: healthyIn(nodes),
    groups: [...new Set(nodes.map((node) => node.record.group))].sort(),
    primaries: idsOf(nodes.filter((node) => primaries.has(node.record.id))),
  }));
}

type Behind = {
  readonly lag_ms: number | null;
  readonly lag_bytes: number | null;
  readonly rpo_bytes: number | null;
};

export function presentGeoStatus({ view }: CurrentView) {
  return {
    enabled: view.config.geoReplication,
    regions: byRegion(view).map(([id, nodes]) => {
      const groups = sortedGroups(view).flatMap(({ record }) => {
        const members = nodes.filter((node) => node.record.group === record.name);
        if (members.length === 0) return [];
        const role = members.some((node) => node.record.id === record.primary) ? 'primary' : 'standby';
        const behind = role === 'primary' ? none : copiesBehind(view, record.primary, members);
        return [{ group: record.name, role: role as 'primary' | 'standby', nodes: idsOf(members), ...behind }];
      });
      return {
        id,
        role: roleOf(groups.map((group) => group.role)),
        total_nodes: nodes.length,
        healthy_nodes: healthyIn(nodes),
        ...worstOf(groups),
        groups,
      };
    }),
    timestamp: Math.floor(Date.parse(view.at) / 1000),
  };
}

const none: Behind = { lag_ms: 0, lag_bytes: 0, rpo_bytes: 0 };

function roleOf(roles: readonly ('primary' | 'standby')[]): 'primary' | 'standby' | 'mixed' {
  if (!roles.includes('primary')) return 'standby';
  return roles.includes('standby') ? 'mixed' : 'primary';
}

/** The best copy of the region counts: the one that replayed most for lag, the one that received most for what would be lost. */
function copiesBehind(view: ClusterView, primary: string | null, members: readonly NodeView[]): Behind {
  const source = view.nodes.find((node) => node.record.id === primary)?.report?.postgres ?? null;
  const lags = members.map((node) => lagOf(node, source)).filter((lag) => lag.lag_bytes !== null);
  const best = lags.sort((a, b) => a.lag_bytes! - b.lag_bytes!)[0] ?? { lag_ms: null, lag_bytes: null };
  const lost = members
    .map((node) => lagBytes(source?.lsn ?? null, node.report?.postgres.lsn ?? null))
    .filter((lag) => lag !== null);
  return { ...best, rpo_bytes: lost.length === 0 ? null : Math.min(...lost) };
}

function worstOf(groups: readonly Behind[]): Behind {
  const worst = (of: keyof Behind) =>
    groups.reduce<number | null>((most, group) => {
      const value = group[of];
      return most === null || value === null ? null : Math.max(most, value);
    }, 0);
  return { lag_ms: worst('lag_ms'), lag_bytes: worst('lag_bytes'), rpo_bytes: worst('rpo_bytes') };
}
