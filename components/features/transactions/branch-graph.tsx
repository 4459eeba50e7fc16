'use client';
/** One transaction: its coordinator in the middle, its branches around it, each with its state in icon and word. */
import type { ReactNode } from 'react';
import type { XaBranch, XaTransaction } from '../../providers/wire';
import { Status } from '../../ui/status';
import { Time } from '../../ui/time';
import { cardHeight, cardWidth, layoutBranches } from './branch-layout';
import { lookOfBranch, lookOfTransaction } from './transaction-words';

export function BranchGraph({ transaction }: { readonly transaction: XaTransaction }) {
  const layout = layoutBranches(transaction.branches.length);
  return (
    // biome-ignore lint/a11y/noNoninteractiveTabindex: what scrolls must be reachable by keyboard
    <section className="overflow-x-auto p-1" aria-label={`Branches of ${transaction.xid}`} tabIndex={0}>
      <div className="relative" style={{ width: layout.width, height: layout.height }}>
        <svg className="absolute inset-0 text-line" width={layout.width} height={layout.height} aria-hidden>
          {layout.branches.map(({ index, line }) => (
            <line key={index} {...line} stroke="currentColor" strokeWidth={2} />
          ))}
        </svg>
        <Card at={layout.coordinator}>
          <span className="font-medium">{transaction.coordinator_group} decides</span>
          <Status {...lookOfTransaction(transaction.state)} />
          <span className="text-muted">on {transaction.coordinator_node}</span>
        </Card>
        {layout.branches.map((place) => (
          <BranchCard key={place.index} at={place} branch={transaction.branches[place.index]!} />
        ))}
      </div>
    </section>
  );
}

function BranchCard({
  branch,
  at,
}: {
  readonly branch: XaBranch;
  readonly at: { readonly x: number; readonly y: number };
}) {
  return (
    <Card at={at}>
      <span className="truncate font-medium" title={`${branch.kind}, ${branch.mode}`}>
        {branch.resource_manager}
      </span>
      <Status {...lookOfBranch(branch.state)} {...(branch.error === null ? {} : { title: branch.error })} />
      <span className="text-muted">
        {branch.ended_at !== null ? (
          <>
            ended <Time at={branch.ended_at} />
          </>
        ) : branch.prepared_at !== null ? (
          <>
            prepared <Time at={branch.prepared_at} />
          </>
        ) : (
          'not prepared'
        )}
      </span>
    </Card>
  );
}

function Card({
  at,
  children,
}: {
  readonly at: { readonly x: number; readonly y: number };
  readonly children: ReactNode;
}) {
  return (
    <div
      className="absolute grid content-center justify-items-start rounded-md border border-line bg-panel px-2"
      style={{ left: at.x, top: at.y, width: cardWidth, height: cardHeight }}
    >
      {children}
    </div>
  );
}
