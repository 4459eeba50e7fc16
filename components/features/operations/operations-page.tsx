'use client';
import { useRouter } from 'next/navigation';
import { useMemo } from 'react';
import { ListView } from '../../feedback/list-view';
import { EmptyState } from '../../feedback/states';
import { useLiveOperations } from '../../providers/live';
import { rowsOf, usePages } from '../../providers/pages';
import { useTRPC, useTRPCClient } from '../../providers/trpc';
import type { Operation } from '../../providers/wire';
import { CopyAs } from '../../ui/copy-as';
import { counted } from '../../ui/counted';
import { type Column, DataTable } from '../../ui/data-table';
import { formatDuration } from '../../ui/format';
import { Select } from '../../ui/input';
import { PageHeader, Panel } from '../../ui/panel';
import { TableSkeleton } from '../../ui/skeleton';
import { Status } from '../../ui/status';
import { Time } from '../../ui/time';
import { useUrlState } from '../../ui/url-state';
import { mergeLive } from './merge-live';
import { operationKind } from './operation-name';

const columns: readonly Column<Operation>[] = [
  { id: 'state', header: 'State', value: (row) => row.state, cell: (row) => <Status value={row.state} /> },
  { id: 'kind', header: 'Kind', value: operationKind },
  { id: 'group', header: 'Group', value: (row) => row.group },
  { id: 'steps', header: 'Steps', value: (row) => stepText(row) },
  { id: 'by', header: 'Requested by', value: (row) => row.requested_by },
  { id: 'reason', header: 'Reason', value: (row) => row.reason },
  { id: 'created', header: 'Created', value: (row) => row.created_at, cell: (row) => <Time at={row.created_at} /> },
  {
    id: 'took',
    header: 'Took',
    align: 'right',
    value: (row) => (row.finished_at ? Date.parse(row.finished_at) - Date.parse(row.created_at) : null),
    cell: (row) =>
      row.finished_at ? formatDuration(Date.parse(row.finished_at) - Date.parse(row.created_at)) : 'running',
  },
  { id: 'id', header: 'Id', value: (row) => row.id, hidden: true, className: 'num' },
];

function stepText(operation: Operation): string {
  const over = operation.steps.filter((step) => step.state === 'succeeded' || step.state === 'skipped').length;
  return `${over} of ${operation.steps.length}`;
}

const states = [
  { value: '', label: 'All states' },
  { value: 'running', label: 'Running' },
  { value: 'succeeded', label: 'Succeeded' },
  { value: 'failed', label: 'Failed' },
  { value: 'cancelled', label: 'Cancelled' },
  { value: 'compensated', label: 'Undone' },
];

export function OperationsPage() {
  const trpc = useTRPC();
  const client = useTRPCClient();
  const router = useRouter();
  const [state, setState] = useUrlState('state', '');
  const live = useLiveOperations();
  const input = { limit: 100, ...(state === '' ? {} : { state: [state as Operation['state']] }) };
  const query = usePages({
    queryKey: trpc.operations.list.queryKey(input),
    fetchPage: (cursor) => client.operations.list.query({ ...input, cursor }),
  });
  const rows = useMemo(
    () => mergeLive(rowsOf(query.data), live ?? [], (operation) => state === '' || operation.state === state),
    [query.data, live, state],
  );
  const running = (live ?? []).filter((operation) => operation.state === 'running').length;
  return (
    <>
      <PageHeader
        title="Operations"
        sentence={
          running === 0 ? 'Nothing is running.' : `${counted(running, 'operation is', 'operations are')} running.`
        }
        actions={<CopyAs call={{ method: 'GET', path: '/operations' }} />}
      />
      <Panel flush>
        <ListView
          query={query}
          what="the operations"
          skeleton={<TableSkeleton label="operations" />}
          more="Load older operations"
        >
          {() => (
            <DataTable
              id="ops"
              label="Operations"
              columns={columns}
              rows={rows}
              rowId={(row) => row.id}
              onOpen={(row) => router.push(`/operations/${row.id}`)}
              toolbar={
                <Select
                  aria-label="State"
                  className="w-36"
                  value={state}
                  options={states}
                  onChange={(event) => setState(event.target.value)}
                />
              }
              empty={
                <EmptyState title="No operations yet">
                  Every change to the cluster that takes time is listed here with its steps: switchovers, restarts, new
                  nodes.
                </EmptyState>
              }
            />
          )}
        </ListView>
      </Panel>
    </>
  );
}
