'use client';
import { useQuery } from '@tanstack/react-query';
import { ListView } from '../../feedback/list-view';
import { QueryView } from '../../feedback/query-view';
import { EmptyState } from '../../feedback/states';
import { useTopology } from '../../providers/live';
import { usePages } from '../../providers/pages';
import { useTRPC, useTRPCClient } from '../../providers/trpc';
import type { RaftEntry, RaftStatus } from '../../providers/wire';
import { CopyAs } from '../../ui/copy-as';
import { counted } from '../../ui/counted';
import { type Column, DataTable } from '../../ui/data-table';
import { formatBytes, formatDuration, formatNumber } from '../../ui/format';
import { Facts, Figure, PageHeader, Panel } from '../../ui/panel';
import { PanelSkeleton, TableSkeleton } from '../../ui/skeleton';
import { stateWord } from '../../ui/state-words';
import { Badge, Status } from '../../ui/status';
import { groupLosses } from './group-losses';
import { lossSentences, quorumSentence } from './loss-sentences';
import { TransferLeadership } from './transfer-leadership';

/** More would bury the control store's own losses. */
const groupsShown = 8;

type Peer = RaftStatus['peers'][number];

export function ConsensusPage() {
  const trpc = useTRPC();
  const query = useQuery({ ...trpc.cluster.getRaftStatus.queryOptions({}), refetchInterval: 1000 });
  return (
    <QueryView query={query} what="the consensus state" skeleton={<PanelSkeleton label="consensus" lines={8} />}>
      {(status) => (
        <>
          <PageHeader
            title="Consensus"
            sentence={quorumSentence(status)}
            actions={
              <>
                <TransferLeadership status={status} />
                <CopyAs call={{ method: 'GET', path: '/cluster/raft/status' }} />
              </>
            }
          />
          <div className="grid gap-3">
            <Panel>
              <div className="grid grid-cols-2 gap-4 md:grid-cols-6">
                <Figure label="Leader" value={status.leader ?? 'none'} note={`as ${status.answered_by} sees it`} />
                <Figure label="Term" value={formatNumber(status.term)} note="one per election" />
                <Figure
                  label="Quorum"
                  value={`${status.quorum_size} of ${status.voters.length}`}
                  note={status.has_quorum ? 'held' : 'lost'}
                />
                <Figure label="Committed" value={<span className="num">{status.commit_index}</span>} note="log entry" />
                <Figure label="Applied" value={<span className="num">{status.applied_index}</span>} note="log entry" />
                <Figure label="Last entry" value={<span className="num">{status.last_index}</span>} note="log entry" />
              </div>
            </Panel>
            <div className="grid items-start gap-3 lg:grid-cols-[2fr_1fr]">
              <Panel title="Peers" note="measured every second" flush>
                <Peers status={status} />
              </Panel>
              <Panel title="Which further losses would stop changes, or writes">
                <ul className="grid gap-1.5">
                  {lossSentences(status).map((line) => (
                    <li key={line}>{line}</li>
                  ))}
                </ul>
                <p className="mt-2 text-muted">
                  Without a control majority nothing about roles or membership can change. A primary whose whole voter
                  set still answers goes on serving.
                </p>
                <WriteLosses />
                <Facts
                  className="mt-3"
                  facts={[
                    { label: 'Log on disk', value: formatBytes(status.log_bytes) },
                    { label: 'State', value: formatBytes(status.state_bytes) },
                    { label: 'Snapshot up to', value: <span className="num">entry {status.snapshot_index}</span> },
                    { label: 'Learners', value: status.learners.map((one) => one.id).join(', ') || 'none' },
                  ]}
                />
              </Panel>
            </div>
            <Log />
          </div>
        </>
      )}
    </QueryView>
  );
}

/** While the majority holds: what each group can lose. */
function WriteLosses() {
  const topology = useTopology();
  if (topology === undefined || !topology.has_quorum) return null;
  return (
    <ul aria-label="Losses that would stop writes" className="mt-2 grid gap-1.5">
      {topology.groups.slice(0, groupsShown).map((group) => (
        <li key={group.name}>{groupLosses(group)}</li>
      ))}
      {topology.groups.length > groupsShown ? (
        <li className="text-muted">… and {counted(topology.groups.length - groupsShown, 'further group')}.</li>
      ) : null}
    </ul>
  );
}

function Peers({ status }: { readonly status: RaftStatus }) {
  const columns: readonly Column<Peer>[] = [
    { id: 'id', header: 'Peer', value: (row) => row.id, cell: (row) => <span className="font-medium">{row.id}</span> },
    {
      id: 'part',
      header: 'Part',
      value: (row) => (row.id === status.leader ? 'leader' : row.voter ? 'voter' : 'learner'),
      cell: (row) => (
        <Badge tone={row.id === status.leader ? 'ok' : 'idle'}>
          {row.id === status.leader ? 'leader' : row.voter ? 'voter' : 'learner'}
        </Badge>
      ),
    },
    {
      id: 'state',
      header: 'Progress',
      value: (row) => row.state,
      cell: (row) =>
        row.id === status.leader ? (
          ''
        ) : (
          <Status
            value={row.state === 'replicate' ? 'active' : row.state === 'unknown' ? 'idle' : 'catchup'}
            label={stateWord(row.state)}
            title={`state ${row.state}`}
          />
        ),
    },
    { id: 'match', header: 'Has up to', align: 'right', value: (row) => row.match_index },
    {
      id: 'lag',
      header: 'Behind',
      align: 'right',
      value: (row) => row.lag_entries,
      cell: (row) => (row.lag_entries === null ? '–' : counted(row.lag_entries, 'entry', 'entries')),
    },
    {
      id: 'contact',
      header: 'Last answer',
      align: 'right',
      value: (row) => row.last_contact_ms,
      cell: (row) => (row.id === status.leader ? '' : formatDuration(row.last_contact_ms)),
    },
  ];
  return (
    <DataTable
      id="peers"
      label="Peers"
      search={false}
      columns={columns}
      rows={status.peers}
      rowId={(row) => row.id}
      sort="id"
      empty={<EmptyState title="Only the leader knows the peers">{status.answered_by} does not lead.</EmptyState>}
    />
  );
}

const logColumns: readonly Column<RaftEntry>[] = [
  { id: 'index', header: 'Index', align: 'right', value: (row) => row.index },
  { id: 'term', header: 'Term', align: 'right', value: (row) => row.term },
  { id: 'kind', header: 'Kind', value: (row) => row.kind },
  { id: 'summary', header: 'What', value: (row) => row.summary, className: 'num max-w-[50rem]' },
  { id: 'bytes', header: 'Size', align: 'right', value: (row) => row.bytes, cell: (row) => formatBytes(row.bytes) },
];

function Log() {
  const trpc = useTRPC();
  const client = useTRPCClient();
  const input = { limit: 200 };
  const query = usePages({
    queryKey: trpc.cluster.getRaftLog.queryKey(input),
    fetchPage: (cursor) => client.cluster.getRaftLog.query({ ...input, cursor }),
    refetchInterval: 2000,
  });
  return (
    <Panel
      title="Log"
      note="newest first, secrets replaced"
      flush
      actions={<CopyAs call={{ method: 'GET', path: '/cluster/raft/log' }} />}
    >
      <ListView query={query} what="the log" skeleton={<TableSkeleton label="the log" />} more="Load older entries">
        {(rows) => (
          <DataTable
            id="raft-log"
            label="Log entries"
            columns={logColumns}
            rows={rows}
            rowId={(row) => String(row.index)}
            sort="-index"
            empty={<EmptyState title="The log is empty">All entries are in the snapshot.</EmptyState>}
          />
        )}
      </ListView>
    </Panel>
  );
}
