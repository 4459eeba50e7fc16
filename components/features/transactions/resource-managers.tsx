'use client';
/** Who can take part in distributed transactions, and whether it can now. */
import { useQueryClient } from '@tanstack/react-query';
import { DangerAction } from '../../feedback/danger-action';
import { ListView } from '../../feedback/list-view';
import { EmptyState } from '../../feedback/states';
import { useCalls } from '../../providers/calls';
import { longestPage, usePages } from '../../providers/pages';
import { useRoleReason } from '../../providers/session';
import { useTRPC, useTRPCClient } from '../../providers/trpc';
import type { ResourceManager } from '../../providers/wire';
import { CopyAs } from '../../ui/copy-as';
import { counted } from '../../ui/counted';
import { type Column, DataTable } from '../../ui/data-table';
import { Panel } from '../../ui/panel';
import { TableSkeleton } from '../../ui/skeleton';
import { Status } from '../../ui/status';
import { Time } from '../../ui/time';
import { RegisterManager } from './register-manager';

const healthLooks = { up: 'active', down: 'down', unknown: 'pending' } as const;
const kindWords = { group: 'group of this cluster', postgresql: 'PostgreSQL outside', mariadb: 'MariaDB' } as const;

const columns: readonly Column<ResourceManager>[] = [
  { id: 'name', header: 'Name', value: (row) => row.name },
  { id: 'kind', header: 'Kind', value: (row) => kindWords[row.kind] },
  {
    id: 'health',
    header: 'Health',
    value: (row) => row.health.state,
    cell: (row) => <Status value={healthLooks[row.health.state]} label={row.health.state} />,
  },
  { id: 'why', header: 'Why', value: (row) => row.health.sentence },
  {
    id: 'address',
    header: 'Address',
    value: (row) => (row.host === null ? 'its primary' : `${row.host}:${row.port}/${row.database}`),
    className: 'num',
  },
  { id: 'version', header: 'Version', value: (row) => row.health.version },
  {
    id: 'rtt',
    header: 'Round trip',
    align: 'right',
    value: (row) => row.health.round_trip_ms,
    cell: (row) => (row.health.round_trip_ms === null ? '–' : `${row.health.round_trip_ms.toFixed(1)} ms`),
  },
  { id: 'prepared', header: 'May hold prepared', align: 'right', value: (row) => row.health.max_prepared },
  { id: 'branches', header: 'Open branches', align: 'right', value: (row) => row.open_branches },
  {
    id: 'checked',
    header: 'Asked',
    value: (row) => row.health.checked_at,
    cell: (row) => <Time at={row.health.checked_at} />,
  },
  { id: 'actions', header: 'Actions', value: () => '', cell: (row) => <Remove manager={row} /> },
];

export function ResourceManagers() {
  const trpc = useTRPC();
  const client = useTRPCClient();
  const input = { limit: longestPage };
  const query = usePages({
    queryKey: trpc.xa.listManagers.queryKey(input),
    fetchPage: (cursor) => client.xa.listManagers.query({ ...input, cursor }),
    refetchInterval: 5000,
  });
  return (
    <Panel
      title="Resource managers"
      note="measured every 5 s"
      flush
      actions={
        <>
          <RegisterManager />
          <CopyAs call={{ method: 'GET', path: '/xa/resource-managers' }} />
        </>
      }
    >
      <ListView query={query} what="the resource managers" skeleton={<TableSkeleton label="resource managers" />}>
        {(rows) => (
          <DataTable
            id="managers"
            label="Resource managers"
            columns={columns}
            rows={rows}
            rowId={(row) => row.name}
            empty={
              <EmptyState title="No resource manager">
                Each group of this cluster is one by itself; a PostgreSQL or MariaDB server outside is registered here.
              </EmptyState>
            }
          />
        )}
      </ListView>
    </Panel>
  );
}

function Remove({ manager }: { readonly manager: ResourceManager }) {
  const calls = useCalls();
  const trpc = useTRPC();
  const queryClient = useQueryClient();
  const role = useRoleReason('operator');
  if (role !== null || manager.kind === 'group') return null;
  const { name, open_branches: open } = manager;
  return (
    <DangerAction
      size="sm"
      label="Remove"
      title={`Remove resource manager ${name}`}
      description="No new transaction can use it, and its password is forgotten. Its data stay as they are."
      confirmName={name}
      confirmLabel="Remove it"
      disabledReason={open > 0 ? `It has ${counted(open, 'open branch', 'open branches')}.` : null}
      call={calls.xa.removeManager({ name })}
      onDone={() => queryClient.invalidateQueries({ queryKey: trpc.xa.listManagers.pathKey() })}
    />
  );
}
