'use client';
/** Slots of all members, or of one: who uses them, what WAL they keep, what a change of primary makes of them. */
import { useMemo, useRef } from 'react';
import { ListView } from '../../feedback/list-view';
import { EmptyState, PartialNote } from '../../feedback/states';
import { longestPage, rowsOf, usePages } from '../../providers/pages';
import { useTRPC, useTRPCClient } from '../../providers/trpc';
import type { Slot } from '../../providers/wire';
import { CopyAs } from '../../ui/copy-as';
import { type Column, DataTable } from '../../ui/data-table';
import { Sheet } from '../../ui/dialog';
import { formatBytes } from '../../ui/format';
import { Panel } from '../../ui/panel';
import { TableSkeleton } from '../../ui/skeleton';
import { Badge, Status, toneText } from '../../ui/status';
import { Time } from '../../ui/time';
import { useUrlState } from '../../ui/url-state';
import { CreateSlot } from './create-slot';
import { SlotDetails } from './slot-details';
import { slotState } from './slot-state';

const idOf = (slot: Slot) => `${slot.node_id}/${slot.slot_name}`;

const fates = {
  kept: 'kept by the cluster',
  follows: 'goes on',
  not_ready: 'not copied yet',
  stays_behind: 'stays behind',
  ends: 'ends with its session',
} as const;

export function SlotsPanel({
  node,
  groups,
  createReason,
}: {
  readonly node?: string;
  readonly groups: readonly string[];
  readonly createReason?: string | null;
}) {
  const trpc = useTRPC();
  const client = useTRPCClient();
  const input = { limit: longestPage, ...(node === undefined ? {} : { node }) };
  const query = usePages({
    queryKey: trpc.replication.listSlots.queryKey(input),
    fetchPage: (cursor) => client.replication.listSlots.query({ ...input, cursor }),
    refetchInterval: 3000,
  });
  const columns = useMemo(() => columnsFor(node === undefined), [node]);
  const [openId, setOpenId] = useUrlState('slot', '');
  const now = rowsOf(query.data).find((slot) => idOf(slot) === openId);
  // As it was last: it may be dropped from here.
  const last = useRef<Slot | null>(null);
  if (now !== undefined) last.current = now;
  const opened = last.current !== null && idOf(last.current) === openId ? last.current : null;
  const search = node === undefined ? '' : `?node=${node}`;
  return (
    <Panel
      title="Replication slots"
      note="measured every 3 s"
      flush
      actions={
        <>
          <CreateSlot groups={groups} disabledReason={createReason ?? null} />
          <CopyAs call={{ method: 'GET', path: `/replication/slots${search}` }} />
        </>
      }
    >
      <ListView query={query} what="the slots" skeleton={<TableSkeleton label="slots" />}>
        {(slots) => (
          <>
            <Notes slots={slots} />
            <DataTable
              id="slots"
              label="Slots"
              columns={columns}
              rows={slots}
              rowId={idOf}
              selectedId={openId === '' ? null : openId}
              onOpen={(slot) => setOpenId(idOf(slot))}
              search={node === undefined}
              empty={
                <EmptyState title="No slots">
                  A slot keeps WAL for somebody who reads from here: a change feed, a backup, an archive. A member with
                  others in its group has one for each of them.
                </EmptyState>
              }
            />
          </>
        )}
      </ListView>
      <Sheet
        open={opened !== null}
        onOpenChange={() => setOpenId('')}
        title={`Slot ${opened?.slot_name ?? ''}`}
        description={opened === null ? undefined : `on ${opened.node_id}, group ${opened.group}`}
      >
        {opened ? <SlotDetails slot={now ?? opened} gone={query.data !== undefined && now === undefined} /> : null}
      </Sheet>
    </Panel>
  );
}

/** What needs somebody now, before the table: a slot that fills the disk or loses its WAL is not to be looked for. */
function Notes({ slots }: { readonly slots: readonly Slot[] }) {
  const notes = slots.flatMap((slot) => {
    const { why } = slotState(slot);
    return why === null ? [] : [`${slot.slot_name} on ${slot.node_id}: ${why}`];
  });
  if (notes.length === 0) return null;
  return (
    <div className="grid gap-2 p-3 pb-0">
      {notes.map((note) => (
        <PartialNote key={note}>{note}</PartialNote>
      ))}
    </div>
  );
}

function columnsFor(everywhere: boolean): readonly Column<Slot>[] {
  const place: readonly Column<Slot>[] = [
    { id: 'group', header: 'Group', value: (row) => row.group },
    { id: 'node', header: 'Node', value: (row) => row.node_id },
  ];
  return [
    { id: 'name', header: 'Slot', value: (row) => row.slot_name },
    ...(everywhere ? place : []),
    {
      id: 'kind',
      header: 'Kind',
      value: (row) => row.slot_type,
      cell: (row) => (row.plugin === null ? row.slot_type : `${row.slot_type}, ${row.plugin} on ${row.database}`),
    },
    {
      id: 'state',
      header: 'State',
      value: (row) => slotState(row).label,
      cell: (row) => <StateOf slot={row} />,
    },
    {
      id: 'retained',
      header: 'Keeps',
      align: 'right',
      value: (row) => row.retained_bytes,
      cell: (row) => {
        const { value } = slotState(row);
        const tone = value === 'critical' ? toneText.bad : value === 'warning' ? toneText.warn : undefined;
        return <span className={tone}>{formatBytes(row.retained_bytes)}</span>;
      },
    },
    {
      id: 'left',
      header: 'Left before it is lost',
      align: 'right',
      value: (row) => row.safe_wal_size,
      cell: (row) => (row.safe_wal_size === null ? 'no limit' : formatBytes(Math.max(0, row.safe_wal_size))),
    },
    {
      id: 'fate',
      header: 'At a change of primary',
      value: (row) => (row.at_switchover === null ? null : fates[row.at_switchover]),
      cell: (row) => (
        <span title={row.at_switchover_sentence ?? undefined}>
          {row.at_switchover === null ? '–' : fates[row.at_switchover]}
        </span>
      ),
    },
    { id: 'restart', header: 'Restart LSN', value: (row) => row.restart_lsn, className: 'num' },
    {
      id: 'confirmed',
      header: 'Confirmed LSN',
      value: (row) => row.confirmed_flush_lsn,
      className: 'num',
      hidden: true,
    },
    {
      id: 'since',
      header: 'Idle since',
      value: (row) => row.inactive_since,
      cell: (row) => (row.inactive_since === null ? '–' : <Time at={row.inactive_since} />),
      hidden: true,
    },
  ];
}

function StateOf({ slot }: { readonly slot: Slot }) {
  const { value, label, why } = slotState(slot);
  return (
    <span className="flex items-center gap-1">
      <Status value={value} label={label} {...(why === null ? {} : { title: why })} />
      {slot.owner === 'engine' ? <Badge>the cluster’s</Badge> : null}
      {slot.synced ? <Badge>copy</Badge> : null}
    </span>
  );
}
