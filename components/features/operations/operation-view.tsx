'use client';
/** One operation in full: facts, steps live, incident timeline, error with every reason, cancel. */
import { useQuery } from '@tanstack/react-query';
import Link from 'next/link';
import { ActionButton } from '../../feedback/action-button';
import { CheckList } from '../../feedback/checks';
import { ReasonList } from '../../feedback/reasons';
import { EmptyState } from '../../feedback/states';
import { useCalls } from '../../providers/calls';
import { useRoleReason } from '../../providers/session';
import { useTRPC } from '../../providers/trpc';
import type { Operation } from '../../providers/wire';
import { CopyButton } from '../../ui/code';
import { formatBytes, formatDuration } from '../../ui/format';
import { Facts, Panel } from '../../ui/panel';
import { Status } from '../../ui/status';
import { Time } from '../../ui/time';
import { operationKind } from './operation-name';
import { PhaseTimeline } from './phase-timeline';
import { StepList } from './step-list';
import { cancelReason, isRunning, ticketText } from './ticket-text';

/** The live stream keeps the cache current; asking again is only for what the stream no longer carries. */
export function useOperation(id: string) {
  const trpc = useTRPC();
  return useQuery({
    ...trpc.operations.get.queryOptions({ id }),
    enabled: id !== '',
    refetchInterval: (query) => (query.state.data === undefined || isRunning(query.state.data) ? 1500 : false),
  });
}

export function OperationView({ operation }: { readonly operation: Operation }) {
  return (
    <div className="grid items-start gap-3 lg:grid-cols-[3fr_2fr]">
      <div className="grid gap-3">
        {operation.error ? <OperationError error={operation.error} /> : null}
        <Panel title="Steps" actions={<CancelOperation operation={operation} />}>
          <StepList steps={operation.steps} />
        </Panel>
        <Timeline operation={operation} />
      </div>
      <div className="grid gap-3">
        <Panel title="Facts">
          <Facts facts={factsOf(operation)} />
        </Panel>
        {operation.checks.length > 0 ? (
          <Panel title="Checks when it was planned">
            <CheckList checks={operation.checks} label="Checks" />
          </Panel>
        ) : null}
      </div>
    </div>
  );
}

function factsOf(operation: Operation) {
  return [
    { label: 'State', value: <Status value={operation.state} /> },
    { label: 'Kind', value: operationKind(operation) },
    { label: 'Group', value: operation.group ?? '–' },
    { label: 'Requested by', value: operation.requested_by },
    { label: 'Reason', value: operation.reason ?? '–' },
    { label: 'Created', value: <Time at={operation.created_at} /> },
    ...(operation.scheduled_at ? [{ label: 'Scheduled for', value: <Time at={operation.scheduled_at} /> }] : []),
    ...(operation.deadline_at
      ? [{ label: 'Undone if not decided by', value: <Time at={operation.deadline_at} /> }]
      : []),
    { label: 'Finished', value: operation.finished_at ? <Time at={operation.finished_at} /> : 'not yet' },
    {
      label: 'Took',
      value: operation.finished_at
        ? formatDuration(Date.parse(operation.finished_at) - Date.parse(operation.created_at))
        : '–',
    },
    { label: 'Expected write pause', value: formatDuration(operation.expected_pause_ms) },
    { label: 'WAL at risk', value: formatBytes(operation.bytes_at_risk) },
    { label: 'Operation id', value: <Copyable text={operation.id} /> },
    ...(operation.request_id ? [{ label: 'Request id', value: <Copyable text={operation.request_id} /> }] : []),
  ];
}

function Copyable({ text }: { readonly text: string }) {
  return (
    <span className="inline-flex min-w-0 items-center">
      <span className="num break-all">{text}</span>
      <CopyButton text={text} />
    </span>
  );
}

function Timeline({ operation }: { readonly operation: Operation }) {
  if (isRunning(operation) && operation.timeline.length === 0) return null;
  return (
    <Panel
      title="Incident timeline"
      actions={
        <CopyButton text={() => ticketText(operation)} label="Copy for a ticket">
          Copy for a ticket
        </CopyButton>
      }
    >
      <div className="grid gap-3">
        {operation.summary.length > 0 ? (
          <ul className="grid gap-1">
            {operation.summary.map((line) => (
              <li key={line}>{line}</li>
            ))}
          </ul>
        ) : null}
        {operation.timeline.length > 0 ? (
          <PhaseTimeline phases={operation.timeline} />
        ) : (
          <EmptyState title="No outage phases">
            This operation interrupted nobody, or it did not get that far.
          </EmptyState>
        )}
      </div>
    </Panel>
  );
}

function OperationError({ error }: { readonly error: NonNullable<Operation['error']> }) {
  return (
    <div role="alert" className="rounded-lg border border-bad bg-bad-soft p-3">
      <p className="font-medium text-bad">{error.message}</p>
      <p className="num text-muted">{error.code}</p>
      <ReasonList reasons={error.reasons} className="mt-2" />
    </div>
  );
}

export function CancelOperation({ operation }: { readonly operation: Operation }) {
  const calls = useCalls();
  const role = useRoleReason('operator');
  if (!isRunning(operation)) return null;
  return (
    <ActionButton
      variant="danger"
      what="cancel it"
      disabledReason={role ?? cancelReason(operation)}
      call={calls.operations.cancel({ id: operation.id })}
    >
      Cancel
    </ActionButton>
  );
}

export function OperationLink({ id, children }: { readonly id: string; readonly children: React.ReactNode }) {
  return (
    <Link href={`/operations/${id}`} className="text-accent hover:underline">
      {children}
    </Link>
  );
}
