'use client';
/** Distributed transactions now: open ones, or also those that ended lately. The chosen one is part of the address. */
import { useRef } from 'react';
import { ListView } from '../../feedback/list-view';
import { EmptyState } from '../../feedback/states';
import { rowsOf, usePages } from '../../providers/pages';
import { useTRPC, useTRPCClient } from '../../providers/trpc';
import type { XaTransaction } from '../../providers/wire';
import { CopyAs } from '../../ui/copy-as';
import { type Column, DataTable } from '../../ui/data-table';
import { Sheet } from '../../ui/dialog';
import { Checkbox } from '../../ui/input';
import { Panel } from '../../ui/panel';
import { TableSkeleton } from '../../ui/skeleton';
import { Status } from '../../ui/status';
import { Time } from '../../ui/time';
import { useUrlState } from '../../ui/url-state';
import { TransactionDetails } from './transaction-details';
import { lookOfBranch, lookOfTransaction } from './transaction-words';

const columns: readonly Column<XaTransaction>[] = [
  { id: 'xid', header: 'XID', value: (row) => row.xid, className: 'num' },
  {
    id: 'state',
    header: 'State',
    value: (row) => lookOfTransaction(row.state).label,
    cell: (row) => <Status {...lookOfTransaction(row.state)} {...(row.reason === null ? {} : { title: row.reason })} />,
  },
  {
    id: 'started',
    header: 'Started',
    value: (row) => row.started_at,
    cell: (row) => <Time at={row.started_at} />,
  },
  {
    id: 'branches',
    header: 'Branches',
    value: (row) => row.branches.map((one) => `${one.resource_manager} ${lookOfBranch(one.state).label}`).join(', '),
  },
  { id: 'by', header: 'Started by', value: (row) => row.started_by },
  {
    id: 'deadline',
    header: 'Rolled back unless decided',
    value: (row) => row.deadline_at,
    cell: (row) => (row.deadline_at === null ? '–' : <Time at={row.deadline_at} />),
  },
  { id: 'reason', header: 'Why', value: (row) => row.reason },
];

export function TransactionList() {
  const trpc = useTRPC();
  const client = useTRPCClient();
  const [shown, setShown] = useUrlState('ended', '');
  const ended = shown === 'yes';
  const input = { limit: 200, ended };
  const query = usePages({
    queryKey: trpc.xa.list.queryKey(input),
    fetchPage: (cursor) => client.xa.list.query({ ...input, cursor }),
    refetchInterval: 2000,
  });
  const [openXid, setOpenXid] = useUrlState('transaction', '');
  const now = rowsOf(query.data).find((row) => row.xid === openXid);
  // As it was last: it may end while it is looked at.
  const last = useRef<XaTransaction | null>(null);
  if (now !== undefined) last.current = now;
  const opened = last.current?.xid === openXid ? last.current : null;
  return (
    <Panel
      title="Distributed transactions"
      note="measured every 2 s"
      flush
      actions={
        <>
          <Checkbox
            label="Also those that ended"
            checked={ended}
            onChange={(event) => setShown(event.target.checked ? 'yes' : '')}
          />
          <CopyAs call={{ method: 'GET', path: `/xa/transactions${ended ? '?ended=true' : ''}` }} />
        </>
      }
    >
      <ListView query={query} what="the transactions" skeleton={<TableSkeleton label="transactions" />}>
        {(rows) => (
          <DataTable
            id="transactions"
            label="Distributed transactions"
            columns={columns}
            rows={rows}
            rowId={(row) => row.xid}
            selectedId={openXid === '' ? null : openXid}
            onOpen={(row) => setOpenXid(row.xid)}
            empty={
              <EmptyState title="No distributed transaction is open">
                One transaction over several groups, or over a group and a server outside, is started with POST
                /api/v1/xa/transactions/start; all of its branches commit or none does.
              </EmptyState>
            }
          />
        )}
      </ListView>
      <Sheet
        open={opened !== null}
        onOpenChange={() => setOpenXid('')}
        title={`Transaction ${opened?.xid ?? ''}`}
        description={opened === null ? undefined : `coordinated by ${opened.coordinator_group}`}
      >
        {opened ? <TransactionDetails transaction={now ?? opened} gone={now === undefined} /> : null}
      </Sheet>
    </Panel>
  );
}
