'use client';
import { useRouter } from 'next/navigation';
import { EmptyState } from '../../feedback/states';
import { useTopology } from '../../providers/live';
import type { ClusterNode } from '../../providers/wire';
import { CopyAs } from '../../ui/copy-as';
import { counted, plural } from '../../ui/counted';
import { type Column, DataTable } from '../../ui/data-table';
import { formatBytes, formatDuration, formatNumber, formatPercent } from '../../ui/format';
import { PageHeader, Panel } from '../../ui/panel';
import { Skeleton, TableSkeleton } from '../../ui/skeleton';
import { Status } from '../../ui/status';
import { AddNode } from './add-node';
import { connectionsText, diskFree, heard } from './heard';

const columns: readonly Column<ClusterNode>[] = [
  { id: 'id', header: 'Node', value: (row) => row.id, cell: (row) => <span className="font-medium">{row.id}</span> },
  {
    id: 'status',
    header: 'Status',
    value: (row) => row.status,
    cell: (row) => <Status value={row.status} title={row.status_reason} />,
  },
  { id: 'role', header: 'Role', value: (row) => row.role, cell: (row) => <Status value={row.role} /> },
  { id: 'group', header: 'Group', value: (row) => row.group },
  { id: 'region', header: 'Region', value: (row) => row.region },
  { id: 'lsn', header: 'LSN', value: (row) => row.lsn, className: 'num' },
  {
    id: 'lag',
    header: 'Lag',
    align: 'right',
    hint: 'The primary’s newest WAL less what the standby has replayed, each from that node’s own last report',
    value: (row) => row.lag_bytes,
    cell: (row) => (row.role === 'primary' ? '' : formatBytes(row.lag_bytes)),
  },
  {
    id: 'delay',
    header: 'Replay delay',
    hint: 'How old the newest replayed commit is, as the standby measures it',
    align: 'right',
    value: (row) => row.lag_ms,
    cell: (row) => (row.role === 'primary' ? '' : formatDuration(row.lag_ms)),
    hidden: true,
  },
  {
    id: 'tps',
    header: 'tx/s',
    align: 'right',
    value: (row) => heard(row, row.transactions_per_second),
    cell: (row) => formatNumber(heard(row, row.transactions_per_second)),
  },
  {
    id: 'connections',
    header: 'Connections',
    align: 'right',
    value: (row) => heard(row, row.connections),
    cell: (row) => connectionsText(row) ?? '–',
  },
  {
    id: 'cpu',
    header: 'CPU',
    align: 'right',
    value: (row) => heard(row, row.cpu_usage),
    cell: (row) => formatPercent(heard(row, row.cpu_usage)),
  },
  {
    id: 'memory',
    header: 'Memory',
    align: 'right',
    value: (row) => heard(row, row.memory_bytes),
    cell: (row) => formatBytes(heard(row, row.memory_bytes)),
    hidden: true,
  },
  {
    id: 'disk',
    header: 'Disk free',
    align: 'right',
    value: diskFree,
    cell: (row) => formatBytes(diskFree(row)),
    hidden: true,
  },
  { id: 'address', header: 'Address', value: (row) => `${row.address}:${row.port}`, className: 'num' },
  {
    id: 'uptime',
    header: 'Uptime',
    align: 'right',
    value: (row) => heard(row, row.uptime_seconds),
    cell: (row) => formatDuration(heard(row, row.uptime_seconds * 1000)),
    hidden: true,
  },
  { id: 'raft', header: 'Control store', value: (row) => row.raft_role, hidden: true },
  { id: 'version', header: 'Version', value: (row) => row.version, hidden: true },
  {
    id: 'report',
    header: 'Last report',
    align: 'right',
    value: (row) => row.report_age_ms,
    cell: (row) => formatDuration(row.report_age_ms),
    hidden: true,
  },
  { id: 'reason', header: 'Why', value: (row) => row.activity ?? row.status_reason },
];

export function NodesPage() {
  const topology = useTopology();
  const router = useRouter();
  if (topology === undefined) {
    return (
      <>
        <Skeleton className="mb-4 h-7 w-40" />
        <Panel flush>
          <TableSkeleton label="nodes" />
        </Panel>
      </>
    );
  }
  const unwell = topology.total_nodes - topology.healthy_nodes;
  return (
    <>
      <PageHeader
        title="Nodes"
        sentence={
          unwell === 0
            ? topology.total_nodes === 1
              ? 'The one node is healthy.'
              : `All ${formatNumber(topology.total_nodes)} nodes are healthy.`
            : `${topology.healthy_nodes} of ${counted(topology.total_nodes, 'node')} ${plural(topology.healthy_nodes, 'is', 'are')} healthy; ${topology.degraded_nodes} degraded, ${topology.failed_nodes} failed or stopped.`
        }
        actions={
          <>
            <AddNode topology={topology} />
            <CopyAs
              call={{
                method: 'GET',
                path: '/cluster/nodes',
              }}
            />
          </>
        }
      />
      <Panel flush>
        <DataTable
          id="nodes"
          label="Nodes"
          columns={columns}
          rows={topology.nodes}
          rowId={(row) => row.id}
          sort="id"
          onOpen={(row) => router.push(`/nodes/${row.id}`)}
          empty={
            <EmptyState title="No nodes yet">
              A node is one agent with its PostgreSQL server. Add one, or wait until the agents have started.
            </EmptyState>
          }
        />
      </Panel>
    </>
  );
}
