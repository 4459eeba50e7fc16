'use client';
import { useQuery } from '@tanstack/react-query';
import { toast } from 'sonner';
import { ActionButton } from '../../feedback/action-button';
import { QueryView } from '../../feedback/query-view';
import { useCalls } from '../../providers/calls';
import { useLiveNode } from '../../providers/live';
import { useRoleReason } from '../../providers/session';
import { useTRPC } from '../../providers/trpc';
import { formatBytes } from '../../ui/format';
import { Facts, Panel } from '../../ui/panel';
import { PanelSkeleton } from '../../ui/skeleton';
import { SlotsPanel } from '../replication/slots-panel';

export function NodeWal({ id }: { readonly id: string }) {
  const trpc = useTRPC();
  const node = useLiveNode(id);
  const query = useQuery({ ...trpc.cluster.getNodeWal.queryOptions({ id }), refetchInterval: 3000 });
  return (
    <QueryView query={query} what="the WAL" skeleton={<PanelSkeleton label="WAL" lines={6} />}>
      {(wal) => (
        <div className="grid items-start gap-3 lg:grid-cols-[1fr_2fr]">
          <Panel title="Position" actions={<SwitchWal id={id} />}>
            <Facts
              facts={[
                { label: 'LSN', value: <span className="num">{wal.current_lsn ?? '–'}</span> },
                { label: 'Timeline', value: <span className="num">{wal.timeline ?? '–'}</span> },
                { label: 'pg_wal', value: formatBytes(wal.segments_bytes) },
                { label: 'Archiving', value: wal.archiver.mode },
                { label: 'Last archived', value: wal.archiver.last_archived_wal ?? 'nothing' },
                { label: 'Archive failures', value: wal.archiver.failed_count },
              ]}
            />
          </Panel>
          <SlotsPanel
            node={id}
            groups={node ? [node.group] : []}
            createReason={node?.role === 'primary' ? null : 'Slots are created on the primary.'}
          />
        </div>
      )}
    </QueryView>
  );
}

function SwitchWal({ id }: { readonly id: string }) {
  const calls = useCalls();
  const node = useLiveNode(id);
  const role = useRoleReason('operator');
  return (
    <ActionButton
      what="switch the segment"
      disabledReason={role ?? (node?.role === 'primary' ? null : 'Only a primary writes WAL.')}
      call={calls.replication.switchWal({ group: node?.group ?? '' })}
      onDone={(done) => toast.success(done.message)}
    >
      Switch segment
    </ActionButton>
  );
}
