'use client';
/** One transaction as a tree that fits the narrowest panel: who decides, and below it each branch with its state in icon and word. */
import type { ReactNode } from 'react';
import type { XaBranch, XaTransaction } from '../../providers/wire';
import { Status } from '../../ui/status';
import { Time } from '../../ui/time';
import { lookOfBranch, lookOfTransaction } from './transaction-words';

export function BranchGraph({ transaction }: { readonly transaction: XaTransaction }) {
  return (
    <section aria-label={`Branches of ${transaction.xid}`}>
      <Card
        name={`${transaction.coordinator_group} decides`}
        state={<Status {...lookOfTransaction(transaction.state)} />}
        note={`on ${transaction.coordinator_node}`}
      />
      <ul className="ml-3">
        {transaction.branches.map((branch) => (
          <li
            key={branch.resource_manager}
            className="relative pt-2 pl-4 before:absolute before:top-0 before:left-0 before:h-8 before:w-4 before:rounded-bl-md before:border-line before:border-b before:border-l [&:not(:last-child)]:border-line [&:not(:last-child)]:border-l"
          >
            <Card
              name={branch.resource_manager}
              title={`${branch.kind}, ${branch.mode}`}
              state={
                <Status {...lookOfBranch(branch.state)} {...(branch.error === null ? {} : { title: branch.error })} />
              }
              note={<When branch={branch} />}
            />
          </li>
        ))}
      </ul>
    </section>
  );
}

function When({ branch: { ended_at: ended, prepared_at: prepared } }: { readonly branch: XaBranch }) {
  const at = ended ?? prepared;
  if (at === null) return 'not prepared';
  return (
    <>
      {ended === null ? 'prepared' : 'ended'} <Time at={at} />
    </>
  );
}

function Card(props: {
  readonly name: string;
  readonly title?: string;
  readonly state: ReactNode;
  readonly note: ReactNode;
}) {
  return (
    <div className="flex flex-wrap items-center gap-x-2 rounded-md border border-line bg-panel px-2 py-1">
      <span className="min-w-0 truncate font-medium" title={props.title}>
        {props.name}
      </span>
      {props.state}
      <span className="text-muted">{props.note}</span>
    </div>
  );
}
