'use client';
/** One transaction beside the list: its branches, its times, and what an operator can do with it. */
import { useQueryClient } from '@tanstack/react-query';
import { DangerAction } from '../../feedback/danger-action';
import { PartialNote } from '../../feedback/states';
import { useCalls } from '../../providers/calls';
import { useRoleReason } from '../../providers/session';
import { useTRPC } from '../../providers/trpc';
import type { XaTransaction } from '../../providers/wire';
import { CodeBlock } from '../../ui/code';
import { CopyAs } from '../../ui/copy-as';
import { Facts } from '../../ui/panel';
import { Time } from '../../ui/time';
import { BranchGraph } from './branch-graph';

const undecided: readonly XaTransaction['state'][] = ['active', 'idle', 'rollback_only', 'preparing', 'prepared'];

export function TransactionDetails({
  transaction,
  gone,
}: {
  readonly transaction: XaTransaction;
  readonly gone: boolean;
}) {
  const { xid, branches } = transaction;
  return (
    <div className="grid gap-3">
      {gone ? <PartialNote>It has ended and left the list; this is how it was last.</PartialNote> : null}
      {transaction.reason === null ? null : <p className="text-warn">{transaction.reason}</p>}
      {transaction.warnings.map((warning) => (
        <PartialNote key={warning}>{warning}</PartialNote>
      ))}
      <BranchGraph transaction={transaction} />
      <Facts
        facts={[
          { label: 'Started', value: <Time at={transaction.started_at} /> },
          { label: 'By', value: transaction.started_by },
          {
            label: 'Decision',
            value:
              transaction.decision === null ? (
                'none yet'
              ) : (
                <>
                  {transaction.decision} <Time at={transaction.decided_at} />
                </>
              ),
          },
          { label: 'Rolled back unless decided', value: <Deadline at={transaction.deadline_at} /> },
        ]}
      />
      {branches.map((branch) => (
        <section key={branch.identifier} className="grid gap-1" aria-label={`Branch on ${branch.resource_manager}`}>
          <h3 className="font-medium">{branch.resource_manager}</h3>
          <p className="num break-all text-muted">{branch.identifier}</p>
          {branch.error === null ? null : <p className="text-bad">{branch.error}</p>}
          {branch.prepare_with.length === 0 ? null : (
            <CodeBlock
              label={`What the application runs on ${branch.resource_manager}`}
              code={branch.prepare_with.join('\n')}
            />
          )}
        </section>
      ))}
      <Actions transaction={transaction} gone={gone} />
      <div>
        <CopyAs call={{ method: 'GET', path: `/xa/transactions/${encodeURIComponent(xid)}` }} />
      </div>
    </div>
  );
}

function Deadline({ at }: { readonly at: string | null }) {
  return at === null ? <>it is decided</> : <Time at={at} />;
}

function Actions({ transaction, gone }: { readonly transaction: XaTransaction; readonly gone: boolean }) {
  const calls = useCalls();
  const trpc = useTRPC();
  const queryClient = useQueryClient();
  const role = useRoleReason('operator');
  const { xid, state } = transaction;
  const ended = gone ? 'It has ended.' : null;
  const onDone = () => queryClient.invalidateQueries({ queryKey: trpc.xa.list.pathKey() });
  // A viewer is offered nothing.
  if (role !== null) return null;
  return (
    <div className="flex flex-wrap gap-2">
      <DangerAction
        size="sm"
        label="Commit"
        title={`Commit ${xid}`}
        description="Commit is decided for all branches. That can't be taken back."
        confirmName={xid}
        confirmLabel="Commit it"
        disabledReason={ended ?? (state === 'prepared' ? null : 'Only what is prepared can be committed here.')}
        call={calls.xa.commit({ xid })}
        onDone={onDone}
      />
      <DangerAction
        size="sm"
        label="Roll back"
        title={`Roll ${xid} back`}
        description="The changes of all branches are undone; whoever works in it gets an error."
        confirmName={xid}
        confirmLabel="Roll it back"
        disabledReason={ended ?? (undecided.includes(state) ? null : 'It is decided.')}
        call={calls.xa.rollback({ xid })}
        onDone={onDone}
      />
      <DangerAction
        size="sm"
        tone="default"
        label="Forget"
        title={`Forget ${xid}`}
        description="Its record ends: somebody has seen to what the heuristic outcome left behind."
        confirmName={null}
        confirmLabel="Forget it"
        disabledReason={ended ?? (state === 'heuristic' ? null : 'Only a heuristic outcome is to be forgotten.')}
        call={calls.xa.forget({ xid })}
        onDone={onDone}
      />
    </div>
  );
}
