'use client';
/** Calls with force that wait for another admin, with the plan that would run, and what became of earlier ones. */
import { useQuery, useQueryClient } from '@tanstack/react-query';
import Link from 'next/link';
import { DangerAction } from '../../feedback/danger-action';
import { ListView } from '../../feedback/list-view';
import { EmptyState } from '../../feedback/states';
import { useCalls } from '../../providers/calls';
import { usePages } from '../../providers/pages';
import { useIdentity, useRoleReason } from '../../providers/session';
import { useTRPC, useTRPCClient } from '../../providers/trpc';
import type { Approval } from '../../providers/wire';
import { Button } from '../../ui/button';
import { formatBytes } from '../../ui/format';
import { Facts, PageHeader, Panel } from '../../ui/panel';
import { TableSkeleton } from '../../ui/skeleton';
import { Status } from '../../ui/status';
import { Time } from '../../ui/time';
import { ForRole } from '../frame/for-role';

export function ApprovalsPage() {
  return (
    <ForRole needs="operator" what="the approvals" title="Approvals">
      <Requests />
    </ForRole>
  );
}

function Requests() {
  const trpc = useTRPC();
  const client = useTRPCClient();
  const input = { limit: 200 };
  const query = usePages({
    queryKey: trpc.approvals.list.queryKey(input),
    fetchPage: (cursor) => client.approvals.list.query({ ...input, cursor }),
    refetchInterval: 5000,
  });
  const admin = useRoleReason('admin');
  const fourEyes = useQuery(trpc.accessPolicy.get.queryOptions({})).data?.force_needs_approval;
  return (
    <>
      <PageHeader
        title="Approvals"
        sentence="With four eyes on, what uses force waits here until another admin agrees. The plan that runs is the one shown."
      />
      <ListView query={query} what="the approvals" needs="operator" skeleton={<TableSkeleton label="approvals" />}>
        {(rows) =>
          rows.length === 0 ? (
            <Panel>
              <EmptyState
                title="Nothing waits for approval"
                action={
                  <Button asChild disabledReason={admin}>
                    <Link href="/access?tab=force">What force takes</Link>
                  </Button>
                }
              >
                {fourEyes === undefined
                  ? 'While four eyes is switched on, calls that use force wait here.'
                  : fourEyes
                    ? 'Four eyes is on: calls that use force wait here until another admin agrees.'
                    : 'Four eyes is off: calls that use force run at once. While it is on, they wait here.'}
              </EmptyState>
            </Panel>
          ) : (
            <div className="grid gap-3">
              {rows.map((one) => (
                <Request key={one.id} request={one} />
              ))}
            </div>
          )
        }
      </ListView>
    </>
  );
}

function Request({ request }: { readonly request: Approval }) {
  return (
    <Panel
      title={
        <span className="flex items-center gap-2">
          <span className="num">{request.procedure}</span>
          <Status value={request.state} />
        </span>
      }
      actions={request.state === 'pending' ? <Decide request={request} /> : null}
    >
      <Facts
        facts={[
          { label: 'Asked by', value: request.requested_by },
          { label: 'Asked', value: <Time at={request.requested_at} /> },
          {
            label: request.state === 'pending' ? 'Waits until' : 'Waited until',
            value: <Time at={request.expires_at} />,
          },
          { label: 'Decided by', value: request.decided_by ?? '–' },
          { label: 'Bytes at risk', value: request.bytes_at_risk === null ? '–' : formatBytes(request.bytes_at_risk) },
          {
            label: 'Operation',
            value: request.operation_id ? (
              <Link className="underline" href={`/operations/${request.operation_id}`}>
                {request.operation_id}
              </Link>
            ) : (
              '–'
            ),
          },
        ]}
      />
      <pre className="num mt-2 whitespace-pre-wrap break-words text-muted">{JSON.stringify(request.input)}</pre>
      {request.steps.length > 0 ? (
        <ol className="mt-2 list-decimal pl-5">
          {request.steps.map((step) => (
            <li key={step}>{step}</li>
          ))}
        </ol>
      ) : null}
      {request.comment ? <p className="mt-2">“{request.comment}”</p> : null}
      {request.error ? <p className="mt-2 text-bad">{request.error}</p> : null}
    </Panel>
  );
}

function Decide({ request }: { readonly request: Approval }) {
  const trpc = useTRPC();
  const calls = useCalls();
  const queryClient = useQueryClient();
  const role = useRoleReason('admin');
  const me = useIdentity();
  const own = me !== null && request.requested_by === `${me.kind}:${me.name}`;
  const refresh = () => queryClient.invalidateQueries({ queryKey: trpc.approvals.pathKey() });
  return (
    <span className="flex gap-1">
      <DangerAction
        size="sm"
        label="Approve"
        title={`Approve ${request.procedure}`}
        description="It runs at once, with the plan shown here. If the cluster has changed so that the plan is another, it does not run."
        confirmName={request.group}
        confirmLabel="Approve and run"
        disabledReason={role ?? (own ? 'It is your own request: another admin must approve it.' : null)}
        call={calls.approvals.approve({ id: request.id })}
        onDone={refresh}
      />
      <DangerAction
        size="sm"
        tone="default"
        label={own ? 'Withdraw' : 'Reject'}
        title={`${own ? 'Withdraw' : 'Reject'} ${request.procedure}`}
        description="It does not run. It can be asked for again."
        confirmName={null}
        confirmLabel={own ? 'Withdraw' : 'Reject'}
        disabledReason={role}
        call={calls.approvals.reject({ id: request.id })}
        onDone={refresh}
      />
    </span>
  );
}
