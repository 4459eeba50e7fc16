'use client';
import { ListView } from '../../feedback/list-view';
import { EmptyState } from '../../feedback/states';
import { longestPage, usePages } from '../../providers/pages';
import { useTRPC, useTRPCClient } from '../../providers/trpc';
import type { Link, LinkStatus, Topology } from '../../providers/wire';
import { type Column, DataTable } from '../../ui/data-table';
import { formatBytes, formatDuration, formatMicros, formatNumber, formatRate } from '../../ui/format';
import { Panel } from '../../ui/panel';
import { TableSkeleton } from '../../ui/skeleton';
import { Status } from '../../ui/status';

const interconnect: readonly Column<LinkStatus>[] = [
  { id: 'peer', header: 'Peer', value: (row) => row.peer },
  {
    id: 'state',
    header: 'State',
    value: (row) => (row.connected ? 'connected' : 'disconnected'),
    cell: (row) => (
      <Status value={row.connected ? 'active' : 'disconnected'} label={row.connected ? 'connected' : 'disconnected'} />
    ),
  },
  {
    id: 'p50',
    header: 'Round trip p50',
    hint: 'Half of the messages were answered within this',
    align: 'right',
    value: (row) => row.rtt_us?.p50,
    cell: (row) => formatMicros(row.rtt_us?.p50),
  },
  {
    id: 'p99',
    header: 'Round trip p99',
    hint: '99 of 100 messages were answered within this',
    align: 'right',
    value: (row) => row.rtt_us?.p99,
    cell: (row) => formatMicros(row.rtt_us?.p99),
  },
  {
    id: 'heard',
    header: 'Last heard',
    align: 'right',
    value: (row) => row.last_heard_ms,
    cell: (row) => formatDuration(row.last_heard_ms),
  },
  {
    id: 'phi',
    header: 'Suspicion',
    hint: 'How unlikely this silence is: 1 is one in ten, 8 one in a hundred million',
    align: 'right',
    value: (row) => row.phi,
    cell: (row) => formatNumber(row.phi, 2),
  },
  {
    id: 'sent',
    header: 'Sent',
    align: 'right',
    value: (row) => row.sent_bytes,
    cell: (row) => formatBytes(row.sent_bytes),
  },
  {
    id: 'received',
    header: 'Received',
    align: 'right',
    value: (row) => row.received_bytes,
    cell: (row) => formatBytes(row.received_bytes),
  },
  {
    id: 'queued',
    header: 'Queued',
    align: 'right',
    value: (row) => row.queued_bytes,
    cell: (row) => formatBytes(row.queued_bytes),
  },
  {
    id: 'dropped',
    header: 'Dropped',
    hint: 'Messages that found their queue full',
    align: 'right',
    value: (row) => row.dropped_messages,
    cell: (row) => formatNumber(row.dropped_messages),
  },
  {
    id: 'reconnects',
    header: 'Reconnects',
    align: 'right',
    value: (row) => row.reconnects,
    cell: (row) => formatNumber(row.reconnects),
  },
];

const replication: readonly Column<Link>[] = [
  { id: 'from', header: 'From', value: (row) => row.from },
  { id: 'to', header: 'To', value: (row) => row.to },
  { id: 'state', header: 'State', value: (row) => row.state, cell: (row) => <Status value={row.state} /> },
  { id: 'mode', header: 'Mode', value: (row) => row.mode },
  {
    id: 'lag',
    header: 'Lag',
    hint: 'One sample of the primary: its newest WAL less what it knows to be replayed',
    align: 'right',
    value: (row) => row.lag_bytes,
    cell: (row) => formatBytes(row.lag_bytes),
  },
  {
    id: 'lagMs',
    header: 'Replay delay',
    hint: 'Measured by the standby, at another instant than the lag in bytes',
    align: 'right',
    value: (row) => row.lag_ms,
    cell: (row) => formatDuration(row.lag_ms),
  },
  {
    id: 'rate',
    header: 'Flow',
    align: 'right',
    value: (row) => row.bytes_per_second,
    cell: (row) => formatRate(row.bytes_per_second),
  },
];

export function NodeLinks({ id, topology }: { readonly id: string; readonly topology: Topology }) {
  const trpc = useTRPC();
  const client = useTRPCClient();
  const input = { id, limit: longestPage };
  const query = usePages({
    queryKey: trpc.cluster.getNodeLinks.queryKey(input),
    fetchPage: (cursor) => client.cluster.getNodeLinks.query({ ...input, cursor }),
    refetchInterval: 2000,
  });
  const links = topology.links.filter((link) => link.kind === 'replication' && (link.from === id || link.to === id));
  return (
    <div className="grid gap-3">
      <Panel title="Replication" note="live" flush>
        <DataTable
          id="replication"
          label="Replication links"
          search={false}
          columns={replication}
          rows={links}
          rowId={(row) => `${row.from}-${row.to}`}
          empty={<EmptyState title="No replication links">This node neither sends nor receives WAL now.</EmptyState>}
        />
      </Panel>
      <Panel title="Interconnect" note="as this node sees it, every 2 s" flush>
        <ListView query={query} what="the links" skeleton={<TableSkeleton label="links" />}>
          {(rows) => (
            <DataTable
              id="links"
              label="Interconnect links"
              search={false}
              columns={interconnect}
              rows={rows}
              rowId={(row) => row.peer}
              empty={<EmptyState title="No peers">This node knows no other node.</EmptyState>}
            />
          )}
        </ListView>
      </Panel>
    </div>
  );
}
