'use client';
import { useQueryClient } from '@tanstack/react-query';
import { DangerAction } from '../../feedback/danger-action';
import { ListView } from '../../feedback/list-view';
import { EmptyState } from '../../feedback/states';
import { useCalls } from '../../providers/calls';
import { longestPage, usePages } from '../../providers/pages';
import { useTRPC, useTRPCClient } from '../../providers/trpc';
import type { Lockout } from '../../providers/wire';
import { type Column, DataTable } from '../../ui/data-table';
import { Panel } from '../../ui/panel';
import { TableSkeleton } from '../../ui/skeleton';
import { Status } from '../../ui/status';
import { Time } from '../../ui/time';

const columns: readonly Column<Lockout>[] = [
  { id: 'kind', header: 'What', value: (row) => row.kind },
  { id: 'subject', header: 'Name or address', value: (row) => row.subject, className: 'num' },
  { id: 'failures', header: 'Failures', value: (row) => row.failures, className: 'num' },
  {
    id: 'state',
    header: 'State',
    value: (row) => (row.locked ? 'locked' : 'counted'),
    cell: (row) => <Status value={row.locked ? 'stopped' : 'active'} label={row.locked ? 'locked' : 'counted'} />,
  },
  {
    id: 'until',
    header: 'Unlocks',
    value: (row) => row.locked_until,
    cell: (row) => (row.locked_until === null ? '–' : <Time at={row.locked_until} />),
  },
  {
    id: 'last',
    header: 'Last failure',
    value: (row) => row.last_failure_at,
    cell: (row) => <Time at={row.last_failure_at} />,
  },
  { id: 'actions', header: 'Actions', value: () => '', cell: (row) => <Unlock lockout={row} /> },
];

export function Lockouts() {
  const trpc = useTRPC();
  const client = useTRPCClient();
  const input = { limit: longestPage };
  const query = usePages({
    queryKey: trpc.lockouts.list.queryKey(input),
    fetchPage: (cursor) => client.lockouts.list.query({ ...input, cursor }),
    refetchInterval: 10_000,
  });
  return (
    <Panel flush title="Failed sign-ins">
      <ListView query={query} what="the lockouts" needs="admin" skeleton={<TableSkeleton label="lockouts" />}>
        {(rows) => (
          <DataTable
            id="lockouts"
            label="Failed sign-ins"
            columns={columns}
            rows={rows}
            rowId={(row) => row.id}
            sort="-failures"
            empty={
              <EmptyState title="No failed sign-ins">
                Twenty failures of a name, or a hundred from an address, in a quarter of an hour lock it for a quarter
                of an hour.
              </EmptyState>
            }
          />
        )}
      </ListView>
    </Panel>
  );
}

function Unlock({ lockout }: { readonly lockout: Lockout }) {
  const trpc = useTRPC();
  const calls = useCalls();
  const queryClient = useQueryClient();
  return (
    <DangerAction
      size="sm"
      tone="default"
      label={lockout.locked ? 'Unlock' : 'Forget'}
      title={`${lockout.locked ? 'Unlock' : 'Forget the failures of'} ${lockout.subject}`}
      description="Signing in is possible at once; the count begins anew."
      confirmName={null}
      confirmLabel={lockout.locked ? 'Unlock' : 'Forget'}
      call={calls.lockouts.unlock({ id: lockout.id })}
      onDone={() => queryClient.invalidateQueries({ queryKey: trpc.lockouts.pathKey() })}
    />
  );
}
