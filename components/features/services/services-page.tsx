'use client';
import { useQuery, useQueryClient } from '@tanstack/react-query';
import { useRouter } from 'next/navigation';
import { useState } from 'react';
import { ActionButton } from '../../feedback/action-button';
import { ListView } from '../../feedback/list-view';
import { QueryView } from '../../feedback/query-view';
import { EmptyState } from '../../feedback/states';
import { useCalls } from '../../providers/calls';
import { longestPage, rowsOf, usePages } from '../../providers/pages';
import { useRoleReason } from '../../providers/session';
import { useTRPC, useTRPCClient } from '../../providers/trpc';
import type { LoadBalancer, Service } from '../../providers/wire';
import { CopyAs } from '../../ui/copy-as';
import { type Column, DataTable } from '../../ui/data-table';
import { formatBytes, sentence } from '../../ui/format';
import { Select } from '../../ui/input';
import { PageHeader, Panel } from '../../ui/panel';
import { TableSkeleton } from '../../ui/skeleton';
import { stateWord } from '../../ui/state-words';
import { Badge, lookOf, Status } from '../../ui/status';
import { Time } from '../../ui/time';

const strategies = ['round_robin', 'least_connections', 'weighted', 'latency', 'region_aware'] as const;

const columns: readonly Column<Service>[] = [
  {
    id: 'name',
    header: 'Service',
    value: (row) => row.service_name,
    cell: (row) => <span className="font-medium">{row.service_name}</span>,
  },
  {
    id: 'state',
    header: 'State',
    value: (row) => (row.available ? 'available' : 'not available'),
    cell: (row) => (
      <Status
        value={row.available ? 'active' : 'down'}
        label={row.available ? 'available' : 'not available'}
        title={row.reason ?? undefined}
      />
    ),
  },
  { id: 'kind', header: 'For', value: (row) => (row.kind === 'rw' ? 'reads and writes' : 'reads') },
  { id: 'group', header: 'Group', value: (row) => row.group },
  { id: 'address', header: 'Address', value: (row) => `${row.host}:${row.port}`, className: 'num' },
  {
    id: 'nodes',
    header: 'Leads to',
    value: (row) =>
      row.endpoints
        .map((one) => (one.state === 'active' ? one.node : `${one.node} (${stateWord(one.state)})`))
        .join(' '),
    cell: (row) => (
      <span className="flex flex-wrap gap-1">
        {row.endpoints.map((endpoint) => (
          <Badge
            key={endpoint.node}
            tone={lookOf(endpoint.state).tone}
            icon={lookOf(endpoint.state).icon}
            title={`${stateWord(endpoint.state)}${endpoint.state === 'active' ? ': gets new sessions' : `: gets no new sessions now (state ${endpoint.state})`}`}
          >
            {endpoint.node}
          </Badge>
        ))}
      </span>
    ),
  },
  { id: 'sessions', header: 'Sessions', align: 'right', value: (row) => row.open_sessions },
  { id: 'reason', header: 'Why', value: (row) => row.reason },
];

type Client = LoadBalancer['clients'][number];

const clientColumns: readonly Column<Client & { readonly key: string }>[] = [
  { id: 'service', header: 'Service', value: (row) => row.service },
  { id: 'node', header: 'Node', value: (row) => row.node },
  { id: 'client', header: 'Client', value: (row) => row.client_address, className: 'num' },
  { id: 'user', header: 'User', value: (row) => row.user },
  { id: 'database', header: 'Database', value: (row) => row.database },
  { id: 'application', header: 'Application', value: (row) => row.application_name },
  { id: 'since', header: 'Since', value: (row) => row.since, cell: (row) => <Time at={row.since} /> },
  {
    id: 'in',
    header: 'From the client',
    align: 'right',
    value: (row) => row.bytes_in,
    cell: (row) => formatBytes(row.bytes_in),
  },
  {
    id: 'out',
    header: 'To the client',
    align: 'right',
    value: (row) => row.bytes_out,
    cell: (row) => formatBytes(row.bytes_out),
  },
];

export function ServicesPage() {
  const trpc = useTRPC();
  const router = useRouter();
  const client = useTRPCClient();
  const input = { limit: longestPage };
  const query = usePages({
    queryKey: trpc.gds.listServices.queryKey(input),
    fetchPage: (cursor) => client.gds.listServices.query({ ...input, cursor }),
    refetchInterval: 3000,
  });
  const down = rowsOf(query.data).filter((service) => !service.available);
  return (
    <>
      <PageHeader
        title="Services"
        sentence={
          query.data === undefined
            ? 'Named endpoints that PostgreSQL clients connect to.'
            : down.length === 0
              ? 'Every service can be served now.'
              : `Not available: ${down.map((service) => service.service_name).join(', ')}.`
        }
        actions={<CopyAs call={{ method: 'GET', path: '/gds/services' }} />}
      />
      <div className="grid gap-3">
        <Panel title="Endpoints" note="open one to see how to connect" flush>
          <ListView query={query} what="the services" skeleton={<TableSkeleton label="services" />}>
            {(rows) => (
              <DataTable
                id="services"
                label="Services"
                columns={columns}
                rows={rows}
                rowId={(row) => row.service_name}
                sort="name"
                onOpen={(row) => router.push(`/services/${row.service_name}`)}
                empty={
                  <EmptyState title="No services yet">
                    Each group gets two: one for writes and one for reads.
                  </EmptyState>
                }
              />
            )}
          </ListView>
        </Panel>
        <Router />
      </div>
    </>
  );
}

function Router() {
  const trpc = useTRPC();
  const query = useQuery({ ...trpc.cluster.getLoadBalancer.queryOptions({}), refetchInterval: 2000 });
  return (
    <QueryView query={query} what="the router" skeleton={<TableSkeleton label="the router" />}>
      {(balancer) => (
        <>
          <Panel
            title="Pools"
            note={
              balancer.router
                ? `router on ${balancer.router.host}, pid ${balancer.router.pid ?? '?'}`
                : 'no router reports'
            }
            actions={<Strategy balancer={balancer} />}
            flush
          >
            <Pools balancer={balancer} />
          </Panel>
          <Panel title="Connected clients" note="through the router, every 2 s" flush>
            <DataTable
              id="clients"
              label="Clients"
              columns={clientColumns}
              rows={balancer.clients.map((client, index) => ({ ...client, key: `${client.client_address}-${index}` }))}
              rowId={(row) => row.key}
              empty={<EmptyState title="Nobody is connected">Open a service above to see how to connect.</EmptyState>}
            />
          </Panel>
        </>
      )}
    </QueryView>
  );
}

type PoolRow = LoadBalancer['pools'][number]['endpoints'][number] & { readonly service: string };

const poolColumns: readonly Column<PoolRow>[] = [
  { id: 'service', header: 'Service', value: (row) => row.service },
  { id: 'node', header: 'Node', value: (row) => row.node },
  {
    id: 'state',
    header: 'State',
    value: (row) => row.state,
    cell: (row) => <Status value={row.state} title={row.reason ?? undefined} />,
  },
  { id: 'sessions', header: 'Sessions', align: 'right', value: (row) => row.sessions },
  { id: 'weight', header: 'Weight', align: 'right', value: (row) => row.weight },
  {
    id: 'connect',
    header: 'Connect time',
    align: 'right',
    value: (row) => row.connect_ms,
    cell: (row) => (row.connect_ms === null ? '–' : `${row.connect_ms.toFixed(1)} ms`),
  },
  { id: 'reason', header: 'Why', value: (row) => row.reason },
];

function Pools({ balancer }: { readonly balancer: LoadBalancer }) {
  return (
    <DataTable
      id="pools"
      label="Pool members"
      columns={poolColumns}
      rows={balancer.pools.flatMap((pool) =>
        pool.endpoints.map((endpoint) => ({ ...endpoint, service: pool.service })),
      )}
      rowId={(row) => `${row.service}-${row.node}`}
      empty={
        <EmptyState title="No router reports">
          Clients can still connect to the nodes directly; the launcher restarts the router.
        </EmptyState>
      }
    />
  );
}

function Strategy({ balancer }: { readonly balancer: LoadBalancer }) {
  const trpc = useTRPC();
  const calls = useCalls();
  const queryClient = useQueryClient();
  const role = useRoleReason('operator');
  const [wanted, setWanted] = useState<LoadBalancer['strategy'] | null>(null);
  const strategy = wanted ?? balancer.strategy;
  return (
    <span className="flex items-center gap-2">
      <span className="text-muted">Strategy</span>
      <Select
        aria-label="Strategy of the read pool"
        className="w-44"
        title={role ?? undefined}
        disabled={role !== null}
        value={strategy}
        options={strategies.map((value) => ({ value, label: sentence(value) }))}
        onChange={(event) => setWanted(event.target.value as LoadBalancer['strategy'])}
      />
      <ActionButton
        what="change the strategy"
        disabledReason={role ?? (strategy === balancer.strategy ? 'The read pool uses it already.' : null)}
        call={calls.cluster.updateLoadBalancer({ strategy })}
        onDone={(next) => {
          setWanted(null);
          queryClient.setQueryData(trpc.cluster.getLoadBalancer.queryKey({}), next);
        }}
      >
        Use it
      </ActionButton>
    </span>
  );
}
