'use client';
import { useQuery } from '@tanstack/react-query';
import Link from 'next/link';
import { EmptyState } from '../../feedback/states';
import { useLiveOperations } from '../../providers/live';
import { useTRPC } from '../../providers/trpc';
import { Button } from '../../ui/button';
import { Panel } from '../../ui/panel';
import { Status } from '../../ui/status';
import { Time } from '../../ui/time';
import { operationName } from '../operations/operation-name';
import { StepList } from '../operations/step-list';
import { isRunning } from '../operations/ticket-text';

const shown = 6;

/** Running operations with live steps; otherwise the last ones. */
export function RunningPanel() {
  const live = useLiveOperations() ?? [];
  const trpc = useTRPC();
  // The live view carries what runs; what ended before it, perhaps under another leader, comes from the journal.
  // Asked again: a failover also runs under a leader that this console did not hear.
  const past = useQuery({ ...trpc.operations.list.queryOptions({ limit: shown }), refetchInterval: 5000 });
  const running = live.filter(isRunning);
  const known = new Map([...(past.data?.items ?? []), ...live].map((operation) => [operation.id, operation]));
  const recent = [...known.values()]
    .filter((operation) => !isRunning(operation))
    .sort((a, b) => b.created_at.localeCompare(a.created_at))
    .slice(0, shown);
  return (
    <Panel
      title={running.length > 0 ? 'Running' : 'Last operations'}
      actions={
        <Button size="sm" variant="ghost" asChild>
          <Link href="/operations">All operations</Link>
        </Button>
      }
    >
      {running.map((operation) => (
        <div key={operation.id} className="mb-2">
          <Link href={`/operations/${operation.id}`} className="font-medium hover:underline">
            {operationName(operation)}
          </Link>
          <span className="ml-2 text-muted">
            {operation.scheduled_at && operation.state === 'pending' ? (
              <>
                scheduled <Time at={operation.scheduled_at} />
              </>
            ) : (
              <>
                by {operation.requested_by}, <Time at={operation.created_at} />
              </>
            )}
          </span>
          <StepList steps={operation.steps} />
        </div>
      ))}
      {running.length === 0 && recent.length === 0 && !past.isPending ? (
        <EmptyState title="Nothing has happened yet">
          Switchovers, restarts and new nodes appear here, step by step.
        </EmptyState>
      ) : null}
      {recent.length > 0 ? (
        <ul className="grid gap-1">
          {recent.map((operation) => (
            <li key={operation.id} className="flex flex-wrap items-center gap-x-2">
              <Status value={operation.state} />
              <Link href={`/operations/${operation.id}`} className="hover:underline">
                {operationName(operation)}
              </Link>
              <span className="ml-auto text-muted">
                <Time at={operation.finished_at ?? operation.created_at} />
              </span>
            </li>
          ))}
        </ul>
      ) : null}
    </Panel>
  );
}
