'use client';
import { useQuery } from '@tanstack/react-query';
import { toast } from 'sonner';
import { ActionButton } from '../../feedback/action-button';
import { QueryView } from '../../feedback/query-view';
import { EmptyState } from '../../feedback/states';
import { useCalls } from '../../providers/calls';
import { useLiveNode } from '../../providers/live';
import { useRoleReason } from '../../providers/session';
import { useTRPC } from '../../providers/trpc';
import { type Column, DataTable } from '../../ui/data-table';
import { formatBytes } from '../../ui/format';
import { Facts, Panel } from '../../ui/panel';
import { PanelSkeleton } from '../../ui/skeleton';
import { Status } from '../../ui/status';

type Slot = {
  readonly name: string;
  readonly active: boolean;
  readonly restart_lsn: string | null;
  readonly retained_bytes: number | null;
  readonly wal_status: string | null;
};

const columns: readonly Column<Slot>[] = [
  { id: 'name', header: 'Slot', value: (row) => row.name },
  {
    id: 'active',
    header: 'State',
    value: (row) => (row.active ? 'active' : 'idle'),
    cell: (row) => <Status value={row.active ? 'active' : 'idle'} />,
  },
  { id: 'restart', header: 'Restart LSN', value: (row) => row.restart_lsn, className: 'num' },
  {
    id: 'retained',
    header: 'Retains',
    align: 'right',
    value: (row) => row.retained_bytes,
    cell: (row) => formatBytes(row.retained_bytes),
  },
  { id: 'status', header: 'WAL status', value: (row) => row.wal_status },
];

export function NodeWal({ id }: { readonly id: string }) {
  const trpc = useTRPC();
  const query = useQuery({ ...trpc.cluster.getNodeWal.queryOptions({ id }), refetchInterval: 3000 });
  return (
    <QueryView query={query} what="the WAL" skeleton={<PanelSkeleton label="WAL" lines={6} />}>
      {(wal) => (
        <div className="grid items-start gap-3 lg:grid-cols-[1fr_2fr]">
          <Panel title="Position" actions={<SwitchWal id={id} />}>
            <Facts
              facts={[
                { label: 'LSN', value: <span className="num">{wal.current_lsn ?? '–'}</span> },
                { label: 'Timeline', value: <span className="num">{wal.timeline ?? '–'}</span> },
                { label: 'pg_wal', value: formatBytes(wal.segments_bytes) },
                { label: 'Archiving', value: wal.archiver.mode },
                { label: 'Last archived', value: wal.archiver.last_archived_wal ?? 'nothing' },
                { label: 'Archive failures', value: wal.archiver.failed_count },
              ]}
            />
          </Panel>
          <Panel title="Replication slots" flush>
            <DataTable
              id="slots"
              label="Slots"
              search={false}
              columns={columns}
              rows={wal.slots}
              rowId={(row) => row.name}
              empty={
                <EmptyState title="No slots">
                  Every member keeps a slot for each other member, so that WAL stays until it was received.
                </EmptyState>
              }
            />
          </Panel>
        </div>
      )}
    </QueryView>
  );
}

function SwitchWal({ id }: { readonly id: string }) {
  const calls = useCalls();
  const node = useLiveNode(id);
  const role = useRoleReason('operator');
  return (
    <ActionButton
      what="switch the segment"
      disabledReason={role ?? (node?.role === 'primary' ? null : 'Only a primary writes WAL.')}
      call={calls.replication.switchWal({ group: node?.group ?? '' })}
      onDone={(done) => toast.success(done.message)}
    >
      Switch segment
    </ActionButton>
  );
}
