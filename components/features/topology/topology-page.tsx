'use client';
import { useQuery } from '@tanstack/react-query';
import { useRouter } from 'next/navigation';
import { useCallback, useMemo, useRef, useState } from 'react';
import { EmptyState } from '../../feedback/states';
import { useLiveOperations, useTopology } from '../../providers/live';
import { useRoleReason } from '../../providers/session';
import { useTRPC } from '../../providers/trpc';
import type { Topology } from '../../providers/wire';
import type { MapGroup, MapLayers, MapLink } from '../../topology/model';
import { TopologyCanvas } from '../../topology/topology-canvas';
import { Button } from '../../ui/button';
import { CopyAs } from '../../ui/copy-as';
import { Checkbox } from '../../ui/input';
import { PageHeader } from '../../ui/panel';
import { Skeleton } from '../../ui/skeleton';
import { useUrlState } from '../../ui/url-state';
import { refusalOf } from '../failover/refusal';
import { changingGroups } from '../frame/alarm';
import { verdictSentence } from '../frame/verdict';
import { mapGroups, mapLinks, mapNodes, mapServices } from './map-data';
import { MapLegend } from './map-legend';
import { NodePanel } from './node-panel';

const layerLabels = {
  replication: 'Replication',
  interconnect: 'Interconnect latency',
  services: 'Services',
} as const satisfies Record<keyof MapLayers, string>;
const layerNames = ['replication', 'interconnect', 'services'] as const;

const servicesEveryMs = 3_000;

export function TopologyPage() {
  const topology = useTopology();
  if (topology === undefined) {
    return (
      <div role="status" aria-label="Loading the map" className="grid h-full grid-rows-[auto_1fr] gap-3">
        <Skeleton className="h-7 w-40" />
        <div className="grid grid-cols-3 gap-6 rounded-lg border border-line p-10">
          <Skeleton className="h-24" />
          <Skeleton className="h-24" />
          <Skeleton className="h-24" />
        </div>
      </div>
    );
  }
  if (topology.nodes.length === 0) {
    return (
      <EmptyState title="No nodes yet">
        Nodes appear as soon as their agents report. Is the launcher still starting?
      </EmptyState>
    );
  }
  return <TopologyView topology={topology} />;
}

function TopologyView({ topology }: { readonly topology: Topology }) {
  const router = useRouter();
  const [layersText, setLayersText] = useUrlState('layers', 'replication');
  const [selected, setSelected] = useUrlState('node', '');
  const [expand, setExpand] = useUrlState('expand', '');
  const layers = useMemo<MapLayers>(() => {
    const on = new Set(layersText.split(','));
    return { replication: on.has('replication'), interconnect: on.has('interconnect'), services: on.has('services') };
  }, [layersText]);
  const nodes = useKept(topology, mapNodes);
  const operations = useLiveOperations();
  const groupsOf = useCallback(
    (at: Topology, before: readonly MapGroup[]) => mapGroups(at, before, changingGroups(operations ?? [])),
    [operations],
  );
  const groups = useKept(topology, groupsOf);
  const linksOf = useCallback((at: Topology, before: readonly MapLink[]) => mapLinks(at, before, layers), [layers]);
  const links = useKept(topology, linksOf);
  const services = useServices(layers.services);
  const drag = useDragPreflight(topology);
  const select = useCallback((id: string | null) => setSelected(id ?? ''), [setSelected]);
  const promote = useCallback(
    (group: string, target: string) => router.push(`/failover/new?group=${group}&target=${target}&step=checks`),
    [router],
  );
  const toggle = (name: string) => {
    const on = new Set(layersText.split(',').filter(Boolean));
    if (on.has(name)) on.delete(name);
    else on.add(name);
    setLayersText(on.size === 0 ? 'none' : [...on].filter((one) => one !== 'none').join(','));
  };
  return (
    <div className="grid h-full min-h-[30rem] grid-rows-[auto_auto_1fr]">
      <PageHeader
        title="Topology"
        sentence={verdictSentence(topology)}
        actions={
          <CopyAs
            call={{
              method: 'GET',
              path: '/cluster/topology',
            }}
          />
        }
      />
      <div className="mb-2 flex flex-wrap items-center gap-x-4 gap-y-1">
        <fieldset className="flex gap-3">
          <legend className="sr-only">Layers</legend>
          {layerNames.map((name) => (
            <Checkbox key={name} label={layerLabels[name]} checked={layers[name]} onChange={() => toggle(name)} />
          ))}
        </fieldset>
        {topology.nodes.length > 60 ? (
          <Button size="sm" aria-pressed={expand === 'all'} onClick={() => setExpand(expand === 'all' ? '' : 'all')}>
            {expand === 'all' ? 'Collapse far groups' : 'Expand all'}
          </Button>
        ) : null}
        <MapLegend layers={layers} />
      </div>
      <div className="flex min-h-0 gap-3 max-lg:flex-col">
        <TopologyCanvas
          className="flex-1 overflow-hidden rounded-lg border border-line"
          nodes={nodes}
          groups={groups}
          links={links}
          layers={layers}
          selected={selected === '' ? null : selected}
          services={services}
          expandAll={expand === 'all'}
          refusal={drag.refusal}
          onSelect={select}
          onDragStart={drag.begin}
          onPromote={promote}
        />
        {selected === '' ? null : <NodePanel id={selected} onClose={() => setSelected('')} />}
      </div>
    </div>
  );
}

function useKept<T>(
  topology: Topology,
  make: (topology: Topology, before: readonly T[]) => readonly T[],
): readonly T[] {
  const before = useRef<readonly T[]>([]);
  return useMemo(() => {
    before.current = make(topology, before.current);
    return before.current;
  }, [topology, make]);
}

/** Asked of the router while the layer is shown. */
function useServices(shown: boolean) {
  const trpc = useTRPC();
  const { data } = useQuery({
    ...trpc.cluster.getLoadBalancer.queryOptions({}),
    enabled: shown,
    refetchInterval: servicesEveryMs,
  });
  return useMemo(() => (shown && data ? mapServices(data.pools) : null), [shown, data]);
}

/** Asks the server's preflight as soon as a drag begins, so that a refusal shows its real reason while dragging. */
function useDragPreflight(topology: Topology) {
  const trpc = useTRPC();
  const roleReason = useRoleReason('operator');
  const [dragged, setDragged] = useState<string | null>(null);
  const group = topology.nodes.find((node) => node.id === dragged)?.group;
  const preflight = useQuery({
    ...trpc.cluster.preflightFailover.queryOptions({ group, target_node: dragged ?? undefined }),
    enabled: dragged !== null && roleReason === null,
    staleTime: 1000,
    retry: false,
  });
  return { begin: setDragged, refusal: roleReason ?? refusalOf(preflight.data, preflight.error, dragged) };
}
