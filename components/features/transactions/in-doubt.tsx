'use client';
/** Every prepared transaction of every server: whose it is, what it blocks, what becomes of it. The workbench for those that nobody ends. */
import { useRef } from 'react';
import { ListView } from '../../feedback/list-view';
import { EmptyState, PartialNote } from '../../feedback/states';
import { longestPage, rowsOf, usePages } from '../../providers/pages';
import { useTRPC, useTRPCClient } from '../../providers/trpc';
import type { ClusterTransaction } from '../../providers/wire';
import { CopyAs } from '../../ui/copy-as';
import { type Column, DataTable } from '../../ui/data-table';
import { Sheet } from '../../ui/dialog';
import { formatBytes, formatDuration, formatNumber } from '../../ui/format';
import { Facts, Panel } from '../../ui/panel';
import { TableSkeleton } from '../../ui/skeleton';
import { Status } from '../../ui/status';
import { Time } from '../../ui/time';
import { useUrlState } from '../../ui/url-state';
import { EndByHand } from './end-by-hand';
import { inDoubtSentence, lookOfVerdict, rowIdOf } from './transaction-words';

const columns: readonly Column<ClusterTransaction>[] = [
  { id: 'identifier', header: 'Identifier', value: (row) => row.identifier, className: 'num' },
  { id: 'where', header: 'On', value: (row) => row.node ?? row.resource_manager },
  {
    id: 'age',
    header: 'Age',
    align: 'right',
    value: (row) => row.age_ms,
    cell: (row) => (row.age_ms === null ? '–' : formatDuration(row.age_ms)),
  },
  {
    id: 'verdict',
    header: 'Verdict',
    value: (row) => row.verdict_sentence,
    cell: (row) => (
      <span className="flex items-center gap-2">
        <Status {...lookOfVerdict(row.verdict)} />
        <span className="text-muted">{row.verdict_sentence.replace(/^\w+: /, '')}</span>
      </span>
    ),
  },
  { id: 'blocks', header: 'Blocks', value: (row) => row.blocks },
  { id: 'next', header: 'What happens next', value: (row) => row.next },
  { id: 'owner', header: 'Owner', value: (row) => row.owner, hidden: true },
  { id: 'database', header: 'Database', value: (row) => row.database, hidden: true },
  { id: 'xid', header: 'XID', value: (row) => row.xid, className: 'num', hidden: true },
];

export function InDoubt() {
  const trpc = useTRPC();
  const client = useTRPCClient();
  const input = { limit: longestPage };
  const query = usePages({
    queryKey: trpc.cluster.listTransactions.queryKey(input),
    fetchPage: (cursor) => client.cluster.listTransactions.query({ ...input, cursor }),
    refetchInterval: 3000,
  });
  const [openId, setOpenId] = useUrlState('prepared', '');
  const now = rowsOf(query.data).find((row) => rowIdOf(row) === openId);
  const last = useRef<ClusterTransaction | null>(null);
  if (now !== undefined) last.current = now;
  const opened = last.current !== null && rowIdOf(last.current) === openId ? last.current : null;
  const complete = (query.data?.pages ?? []).every((page) => page.notice === null);
  return (
    <Panel
      title="Prepared transactions"
      note="measured every 3 s"
      flush
      actions={<CopyAs call={{ method: 'GET', path: '/cluster/transactions' }} />}
    >
      <ListView
        query={query}
        what="the prepared transactions"
        skeleton={<TableSkeleton label="prepared transactions" />}
      >
        {(rows) => (
          <>
            <p className="p-3 pb-0">{inDoubtSentence(rows, complete)}</p>
            <DataTable
              id="prepared"
              label="Prepared transactions"
              columns={columns}
              rows={rows}
              rowId={rowIdOf}
              sort="-age"
              selectedId={openId === '' ? null : openId}
              onOpen={(row) => setOpenId(rowIdOf(row))}
              empty={
                <EmptyState title="Nothing is in doubt">
                  A transaction that is prepared keeps its locks, over restarts too, until it is committed or rolled
                  back. Ours are ended by themselves; here stand those that wait, and those of others.
                </EmptyState>
              }
            />
          </>
        )}
      </ListView>
      <Sheet
        open={opened !== null}
        onOpenChange={() => setOpenId('')}
        title="Prepared transaction"
        description={opened === null ? undefined : `on ${opened.node ?? opened.resource_manager}`}
      >
        {opened ? <Prepared row={now ?? opened} gone={now === undefined} /> : null}
      </Sheet>
    </Panel>
  );
}

function Prepared({ row, gone }: { readonly row: ClusterTransaction; readonly gone: boolean }) {
  return (
    <div className="grid gap-3">
      {gone ? <PartialNote>It has ended; this is how it was last.</PartialNote> : null}
      <p className="num break-all">{row.identifier}</p>
      <p>
        <Status {...lookOfVerdict(row.verdict)} /> {row.verdict_sentence.replace(/^\w+: /, '')}. {row.next}.
      </p>
      <Facts
        facts={[
          { label: 'Prepared', value: row.prepared_at === null ? 'not told' : <Time at={row.prepared_at} /> },
          { label: 'Owner', value: row.owner ?? 'not told' },
          { label: 'Database', value: row.database ?? 'not told' },
          { label: 'Transaction', value: row.xid ?? row.transaction_id ?? 'not ours' },
          { label: 'Locks', value: row.locks ?? 'not told' },
          { label: 'Sessions that wait', value: row.waiting_pids.join(', ') || 'none' },
          {
            label: 'Vacuum held back',
            value: told(row.horizon_transactions, (n) => `${formatNumber(n)} transactions`),
          },
          { label: 'WAL that a restart reads', value: told(row.wal_bytes, formatBytes) },
        ]}
      />
      <div>
        <EndByHand row={row} gone={gone} />
      </div>
    </div>
  );
}

function told(value: number | null, text: (value: number) => string): string {
  return value === null ? 'not told' : text(value);
}
