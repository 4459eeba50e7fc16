'use client';
import Link from 'next/link';
import { useRouter } from 'next/navigation';
import { ListView } from '../../feedback/list-view';
import { EmptyState } from '../../feedback/states';
import { useTopology } from '../../providers/live';
import { rowsOf, usePages } from '../../providers/pages';
import { useRoleReason } from '../../providers/session';
import { useTRPC, useTRPCClient } from '../../providers/trpc';
import type { FailoverRecord } from '../../providers/wire';
import { Button } from '../../ui/button';
import { CopyAs } from '../../ui/copy-as';
import { type Column, DataTable } from '../../ui/data-table';
import { formatBytes, formatDuration } from '../../ui/format';
import { PageHeader, Panel } from '../../ui/panel';
import { TableSkeleton } from '../../ui/skeleton';
import { Badge, Status } from '../../ui/status';
import { Time } from '../../ui/time';

const columns: readonly Column<FailoverRecord>[] = [
  { id: 'when', header: 'When', value: (row) => row.created_at, cell: (row) => <Time at={row.created_at} /> },
  { id: 'group', header: 'Group', value: (row) => row.group },
  { id: 'mode', header: 'Mode', value: (row) => row.mode },
  {
    id: 'how',
    header: 'How',
    value: (row) => (row.automatic ? 'automatic' : 'by hand'),
    cell: (row) => <Badge>{row.automatic ? 'automatic' : 'by hand'}</Badge>,
  },
  { id: 'state', header: 'Result', value: (row) => row.state, cell: (row) => <Status value={row.state} /> },
  { id: 'from', header: 'From', value: (row) => row.from },
  { id: 'to', header: 'To', value: (row) => row.to },
  {
    id: 'pause',
    header: 'Write pause',
    align: 'right',
    value: (row) => row.write_pause_ms,
    cell: (row) => formatDuration(row.write_pause_ms),
  },
  {
    id: 'risk',
    header: 'WAL at risk',
    align: 'right',
    value: (row) => row.bytes_at_risk,
    cell: (row) => formatBytes(row.bytes_at_risk),
  },
  { id: 'cause', header: 'Cause', value: (row) => row.cause ?? row.reason },
  { id: 'by', header: 'Requested by', value: (row) => row.requested_by, hidden: true },
];

export function FailoverPage() {
  const trpc = useTRPC();
  const client = useTRPCClient();
  const router = useRouter();
  const topology = useTopology();
  const role = useRoleReason('operator');
  const query = usePages({
    queryKey: trpc.cluster.listFailovers.queryKey({ limit: 100 }),
    fetchPage: (cursor) => client.cluster.listFailovers.query({ limit: 100, cursor }),
    refetchInterval: 5000,
  });
  const rows = rowsOf(query.data);
  const whole = (query.data?.pages ?? []).every((page) => page.notice === null);
  const last = rows.find((row) => row.state === 'succeeded');
  return (
    <>
      <PageHeader
        title="Failover"
        sentence={
          last === undefined ? (
            whole ? (
              'No failover so far.'
            ) : (
              'No failover in what can be read now.'
            )
          ) : (
            <>
              Last: {last.group} from {last.from ?? '?'} to {last.to ?? '?'} <Time at={last.created_at} />
              {last.write_pause_ms === null ? '' : `, writes paused ${formatDuration(last.write_pause_ms)}`}.
            </>
          )
        }
        actions={
          <>
            <Button variant="primary" asChild disabledReason={role}>
              <Link href="/failover/new">Plan a failover</Link>
            </Button>
            <CopyAs call={{ method: 'GET', path: '/cluster/failovers' }} />
          </>
        }
      />
      <div className="mb-3 grid gap-3 md:grid-cols-2">
        {(topology?.groups ?? []).map((group) => (
          <Panel
            key={group.name}
            title={group.name}
            note={group.primary ? `primary ${group.primary}, epoch ${group.epoch}` : 'no primary'}
            actions={
              <Button size="sm" asChild disabledReason={role}>
                <Link href={`/failover/new?group=${group.name}`}>Switch over</Link>
              </Button>
            }
          >
            <p>{group.sentence}</p>
            <p className="text-muted">
              Automatic failover{' '}
              {group.automatic_failover
                ? 'is on'
                : `is paused${group.automatic_failover_paused_by ? ` by ${group.automatic_failover_paused_by}` : ''}`}
              {group.promotable === 'none' ? '; no standby may be promoted automatically now' : ''}.
            </p>
          </Panel>
        ))}
      </div>
      <Panel title="History" flush>
        <ListView query={query} what="the history" skeleton={<TableSkeleton label="history" />} more="Load older ones">
          {() => (
            <DataTable
              id="failovers"
              label="Failovers"
              columns={columns}
              rows={rows}
              rowId={(row) => row.id}
              onOpen={(row) => router.push(`/failover/${row.id}`)}
              empty={
                <EmptyState title="No failover so far">
                  Each one, planned or not, is kept here with its timeline.
                </EmptyState>
              }
            />
          )}
        </ListView>
      </Panel>
    </>
  );
}
