'use client';
import { EmptyState } from '../../feedback/states';
import { useEvents } from '../../providers/live';
import { eventsShown } from '../../providers/live-history';
import type { ClusterEvent } from '../../providers/wire';
import { type Column, DataTable } from '../../ui/data-table';
import { sentence } from '../../ui/format';
import { Panel } from '../../ui/panel';
import { Status } from '../../ui/status';
import { ClockTime } from '../../ui/time';
import { eventText } from './event-text';

const columns: readonly Column<ClusterEvent>[] = [
  {
    id: 'at',
    header: 'When',
    hint: 'In your time zone; both zones are in the tooltip of each',
    value: (row) => row.timestamp,
    cell: (row) => <ClockTime at={row.timestamp} />,
  },
  { id: 'severity', header: 'Severity', value: (row) => row.severity, cell: (row) => <Status value={row.severity} /> },
  { id: 'event', header: 'Event', value: (row) => row.event_type, cell: (row) => sentence(row.event_type) },
  { id: 'source', header: 'Source', value: (row) => row.source },
  { id: 'what', header: 'What', value: eventText, className: 'max-w-[40rem]' },
  { id: 'category', header: 'Category', value: (row) => row.category, hidden: true },
  { id: 'id', header: 'Id', value: (row) => row.event_id, hidden: true },
];

export function EventStreamPanel() {
  const events = useEvents();
  return (
    <Panel title="Events" note="live" flush>
      <DataTable
        id="events"
        label="Events"
        columns={columns}
        rows={events.slice(0, eventsShown)}
        rowId={(row) => `${row.event_id}-${row.event_type}`}
        empty={
          <EmptyState title="No events yet">
            Health changes, failovers, elections and lag alerts appear here as they happen.
          </EmptyState>
        }
      />
    </Panel>
  );
}
