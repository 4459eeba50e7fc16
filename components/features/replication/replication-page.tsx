'use client';
import { useMemo } from 'react';
import { toast } from 'sonner';
import { ActionButton } from '../../feedback/action-button';
import { ListView } from '../../feedback/list-view';
import { EmptyState } from '../../feedback/states';
import { useCalls } from '../../providers/calls';
import { useTopology } from '../../providers/live';
import { longestPage, usePages } from '../../providers/pages';
import { useRoleReason } from '../../providers/session';
import { useTRPC, useTRPCClient } from '../../providers/trpc';
import type { Group, Topology, WalStream } from '../../providers/wire';
import { CopyAs } from '../../ui/copy-as';
import { counted } from '../../ui/counted';
import { type Column, DataTable } from '../../ui/data-table';
import { formatBytes, formatDuration, formatRate } from '../../ui/format';
import { Facts, PageHeader, Panel } from '../../ui/panel';
import { PanelSkeleton, TableSkeleton } from '../../ui/skeleton';
import { stateWord } from '../../ui/state-words';
import { Badge, Status } from '../../ui/status';
import { ConfigureReplication } from './configure-replication';
import { SlotsPanel } from './slots-panel';

export function ReplicationPage() {
  const topology = useTopology();
  if (topology === undefined) return <PanelSkeleton label="replication" lines={8} />;
  return (
    <>
      <PageHeader
        title="Replication"
        sentence={sentenceOf(topology)}
        actions={
          <CopyAs
            call={{
              method: 'GET',
              path: '/replication/status',
            }}
          />
        }
      />
      <div className="mb-3 grid gap-3 lg:grid-cols-2">
        {topology.groups.map((group) => (
          <GroupPanel key={group.name} group={group} topology={topology} />
        ))}
      </div>
      <div className="grid gap-3">
        <Streams />
        <SlotsPanel groups={topology.groups.map((group) => group.name)} />
      </div>
    </>
  );
}

function sentenceOf(topology: Topology): string {
  const standbys = topology.nodes.filter((node) => node.role === 'standby' && node.status !== 'stopped');
  const worst = Math.max(0, ...standbys.map((node) => node.lag_bytes ?? 0));
  const unknown = standbys.filter((node) => node.lag_bytes === null).length;
  const missing = unknown > 0 ? ` The lag of ${counted(unknown, 'standby', 'standbys')} is unknown.` : '';
  return `${worst === 0 ? 'Every standby that reports has all WAL.' : `The furthest standby is ${formatBytes(worst)} behind.`}${missing}`;
}

function GroupPanel({ group, topology }: { readonly group: Group; readonly topology: Topology }) {
  return (
    <Panel
      title={group.name}
      note={group.degraded ? 'degraded' : undefined}
      actions={<ConfigureReplication group={group} topology={topology} />}
    >
      <Facts
        facts={[
          { label: 'Commit mode', value: <span title={group.mode}>{stateWord(group.mode)}</span> },
          {
            label: 'Voters',
            value:
              group.voters.length === 0 ? (
                <span className="text-warn">none: a commit is on the primary only</span>
              ) : (
                <span className="flex flex-wrap gap-1">
                  {group.voters.map((voter) => (
                    <Badge key={voter}>{voter}</Badge>
                  ))}
                  <span className="text-muted">
                    {group.required_acknowledgements} of {group.voters.length} must answer
                  </span>
                </span>
              ),
          },
          {
            label: 'Without a voter',
            value: group.on_no_standby === 'degrade' ? 'goes on alone, openly degraded' : 'commits wait',
          },
          {
            label: 'A failover waits for',
            value: group.failover_wait === 'promise' ? 'the standbys’ promises' : 'the end of the lease',
          },
          { label: 'Commits waiting', value: group.waiting_commits },
          { label: 'Only on the primary', value: `${formatBytes(group.data_at_risk_bytes)} of WAL` },
        ]}
      />
    </Panel>
  );
}

function Streams() {
  const trpc = useTRPC();
  const client = useTRPCClient();
  const input = { limit: longestPage };
  const query = usePages({
    queryKey: trpc.replication.listWalStreams.queryKey(input),
    fetchPage: (cursor) => client.replication.listWalStreams.query({ ...input, cursor }),
    refetchInterval: 1500,
  });
  const columns = useMemo<readonly Column<WalStream>[]>(
    () => [
      { id: 'group', header: 'Group', value: (row) => row.group },
      { id: 'from', header: 'From', value: (row) => row.from },
      { id: 'to', header: 'To', value: (row) => row.to },
      {
        id: 'state',
        header: 'State',
        value: (row) => row.state,
        cell: (row) => (
          <Status
            value={row.replay_paused ? 'paused' : row.state}
            {...(row.replay_paused ? { label: 'replay paused' } : {})}
          />
        ),
      },
      {
        id: 'sync',
        header: 'Counts as',
        hint: 'quorum: its acknowledgement counts for commits; async: it does not',
        value: (row) => row.sync_state,
      },
      {
        id: 'lag',
        header: 'Lag',
        hint: 'The primary’s newest WAL less what the standby reports as replayed: two reports, so it may differ from the LSNs of the row by what was written between them',
        align: 'right',
        value: (row) => row.lag_bytes,
        cell: (row) => formatBytes(row.lag_bytes),
      },
      {
        id: 'lagMs',
        header: 'Replay delay',
        hint: 'How old the newest replayed commit is, as the standby measures it',
        align: 'right',
        value: (row) => row.lag_ms,
        cell: (row) => formatDuration(row.lag_ms),
      },
      {
        id: 'flow',
        header: 'Flow',
        align: 'right',
        value: (row) => row.bytes_per_second,
        cell: (row) => formatRate(row.bytes_per_second),
      },
      {
        id: 'sent',
        header: 'Sent',
        hint: 'From the primary’s last report, as the two that follow',
        value: (row) => row.sent_lsn,
        className: 'num',
      },
      { id: 'write', header: 'Written', value: (row) => row.write_lsn, className: 'num', hidden: true },
      { id: 'flush', header: 'Flushed', value: (row) => row.flush_lsn, className: 'num' },
      { id: 'replay', header: 'Replayed', value: (row) => row.replay_lsn, className: 'num' },
      {
        id: 'reply',
        header: 'Last reply',
        align: 'right',
        value: (row) => row.reply_age_ms,
        cell: (row) => formatDuration(row.reply_age_ms),
      },
      { id: 'receiver', header: 'Receiver', value: (row) => row.receiver_status, hidden: true },
      { id: 'actions', header: 'Replay', value: () => '', cell: (row) => <ReplaySwitch stream={row} /> },
    ],
    [],
  );
  return (
    <Panel
      title="Links"
      note="one per standby, measured every 1.5 s"
      flush
      actions={<CopyAs call={{ method: 'GET', path: '/replication/wal/streams' }} />}
    >
      <ListView query={query} what="the links" skeleton={<TableSkeleton label="links" />}>
        {(rows) => (
          <DataTable
            id="streams"
            label="WAL streams"
            columns={columns}
            rows={rows}
            rowId={(row) => `${row.from}-${row.to}`}
            empty={
              <EmptyState title="No WAL flows">
                No standby is connected. A standby connects by itself as soon as it runs and its group has a primary.
              </EmptyState>
            }
          />
        )}
      </ListView>
    </Panel>
  );
}

function ReplaySwitch({ stream }: { readonly stream: WalStream }) {
  const calls = useCalls();
  const role = useRoleReason('operator');
  const input = { id: stream.to };
  return (
    <ActionButton
      what="change replay"
      disabledReason={role}
      call={stream.replay_paused ? calls.replication.resumeReplica(input) : calls.replication.pauseReplica(input)}
      onDone={(done) => toast.success(done.message)}
    >
      {stream.replay_paused ? 'Resume' : 'Pause'}
    </ActionButton>
  );
}
