'use client';
import { ListView } from '../../feedback/list-view';
import { EmptyState } from '../../feedback/states';
import { longestPage, usePages } from '../../providers/pages';
import { useTRPC, useTRPCClient } from '../../providers/trpc';
import { type Column, DataTable } from '../../ui/data-table';
import { Panel } from '../../ui/panel';
import { TableSkeleton } from '../../ui/skeleton';
import { Status } from '../../ui/status';
import { ClockTime } from '../../ui/time';

type Transition = {
  readonly at: string;
  readonly node: string | null;
  readonly group: string | null;
  readonly from: string;
  readonly to: string;
  readonly reason: string;
};

const columns: readonly Column<Transition & { readonly key: string }>[] = [
  { id: 'at', header: 'When', value: (row) => row.at, cell: (row) => <ClockTime at={row.at} /> },
  { id: 'what', header: 'What', value: (row) => row.node ?? row.group ?? 'cluster' },
  { id: 'from', header: 'From', value: (row) => row.from, cell: (row) => <Status value={row.from} /> },
  { id: 'to', header: 'To', value: (row) => row.to, cell: (row) => <Status value={row.to} /> },
  { id: 'reason', header: 'Why', value: (row) => row.reason, className: 'max-w-[40rem]' },
];

export function HealthHistory() {
  const trpc = useTRPC();
  const client = useTRPCClient();
  const input = { limit: longestPage };
  const query = usePages({
    queryKey: trpc.cluster.listHealthHistory.queryKey(input),
    fetchPage: (cursor) => client.cluster.listHealthHistory.query({ ...input, cursor }),
    refetchInterval: 5000,
  });
  return (
    <Panel title="Changes of health" flush>
      <ListView query={query} what="the health history" skeleton={<TableSkeleton label="health history" />}>
        {(rows) => (
          <DataTable
            id="health"
            label="Health changes"
            columns={columns}
            rows={rows.map((row, index) => ({ ...row, key: `${row.at}-${row.node ?? row.group ?? ''}-${index}` }))}
            rowId={(row) => row.key}
            sort="-at"
            empty={<EmptyState title="Nothing has changed">In the last day every node has kept its state.</EmptyState>}
          />
        )}
      </ListView>
    </Panel>
  );
}
