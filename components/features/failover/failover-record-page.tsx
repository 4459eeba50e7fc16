'use client';
import { useQuery } from '@tanstack/react-query';
import Link from 'next/link';
import { QueryView } from '../../feedback/query-view';
import { useTRPC } from '../../providers/trpc';
import { Button } from '../../ui/button';
import { CopyAs } from '../../ui/copy-as';
import { formatBytes, formatDuration, sentence } from '../../ui/format';
import { Figure, PageHeader, Panel } from '../../ui/panel';
import { PanelSkeleton } from '../../ui/skeleton';
import { Status } from '../../ui/status';
import { OperationView } from '../operations/operation-view';
import { isRunning } from '../operations/ticket-text';

/** One failover, live while it runs. */
export function FailoverRecordPage({ id }: { readonly id: string }) {
  const trpc = useTRPC();
  const query = useQuery({
    ...trpc.cluster.getFailover.queryOptions({ id }),
    refetchInterval: (running) => (running.state.data && !isRunning(running.state.data.operation) ? false : 1000),
  });
  return (
    <QueryView
      query={query}
      what={`the failover ${id}`}
      elsewhere={
        <Button asChild>
          <Link href="/failover">All failovers</Link>
        </Button>
      }
      skeleton={<PanelSkeleton label="the failover" lines={8} />}
    >
      {(record) => (
        <>
          <PageHeader
            title={`${sentence(record.mode)} of ${record.group}`}
            sentence={record.cause ?? record.reason ?? `Requested by ${record.requested_by}.`}
            actions={<CopyAs call={{ method: 'GET', path: `/cluster/failovers/${record.id}` }} />}
          />
          <Panel className="mb-3">
            <div className="grid grid-cols-2 gap-4 md:grid-cols-5">
              <Figure label="Result" value={<Status value={record.state} />} />
              <Figure
                label="From → to"
                value={`${record.from ?? '?'} → ${record.to ?? '?'}`}
                note={record.epoch === null ? null : `epoch ${record.epoch}`}
              />
              <Figure label="Write pause" value={formatDuration(record.write_pause_ms)} note="measured" />
              <Figure label="In all" value={formatDuration(record.duration_ms)} />
              <Figure label="WAL at risk" value={formatBytes(record.bytes_at_risk)} />
            </div>
          </Panel>
          <OperationView operation={record.operation} />
        </>
      )}
    </QueryView>
  );
}
