'use client';
/** The states every page has besides "fine": empty, partial, forbidden, error. Each says what is true and what to do next. */
import { CircleX, Inbox, Lock, RotateCw, SearchX, TriangleAlert } from 'lucide-react';
import { type ReactNode, useContext } from 'react';
import { Button } from '../ui/button';
import { cn } from '../ui/cn';
import { CopyButton } from '../ui/code';
import type { Failure } from './failure';
import { ReasonList } from './reasons';
import { RemedyContext } from './remedy';

export function EmptyState({
  title,
  children,
  action,
}: {
  readonly title: string;
  readonly children?: ReactNode;
  readonly action?: ReactNode;
}) {
  return (
    <div className="grid justify-items-start gap-1 py-2">
      <p className="flex items-center gap-2 font-medium">
        <Inbox className="size-4 text-muted" aria-hidden />
        {title}
      </p>
      {children ? <div className="max-w-prose text-muted">{children}</div> : null}
      {action ? <div className="mt-1">{action}</div> : null}
    </div>
  );
}

/** Something that the address names is not there: a page, an operation, a service. The children are the ways on. */
export function NotFoundState({ what, children }: { readonly what: string; readonly children?: ReactNode }) {
  return (
    <div role="note" className="flex items-start gap-2 rounded-lg border border-line bg-panel p-3">
      <SearchX className="mt-0.5 size-4 shrink-0 text-muted" aria-hidden />
      <div className="min-w-0">
        <p className="break-words font-medium">There is no {what.replace(/^an? |^the /, '')}.</p>
        <p className="text-muted">
          It may have been removed, or the address may have been cut or come from another cluster.
        </p>
        {children ? <div className="mt-2 flex flex-wrap gap-1.5">{children}</div> : null}
      </div>
    </div>
  );
}

export function ForbiddenState({ what, needs }: { readonly what: string; readonly needs: string }) {
  return (
    <div role="note" className="flex items-start gap-2 rounded-lg border border-line bg-panel p-3">
      <Lock className="mt-0.5 size-4 text-muted" aria-hidden />
      <div>
        <p className="font-medium">You can’t see {what}.</p>
        <p className="text-muted">
          It takes the role <strong className="text-fg">{needs}</strong>. Ask an administrator to change yours.
        </p>
      </div>
    </div>
  );
}

export function ErrorPanel({
  what,
  failure,
  onRetry,
  className,
}: {
  /** What was attempted, as in "load the nodes". */
  readonly what: string;
  readonly failure: Failure;
  readonly onRetry?: () => void;
  readonly className?: string;
}) {
  const remedy = useContext(RemedyContext);
  return (
    <div role="alert" className={cn('rounded-lg border border-bad bg-bad-soft p-3', className)}>
      <p className="flex items-center gap-2 font-medium text-bad">
        <CircleX className="size-4 shrink-0" aria-hidden />
        Could not {what}
      </p>
      <p className="mt-1">{failure.message}</p>
      <ReasonList reasons={failure.reasons} className="mt-2" />
      {remedy(failure)}
      <div className="mt-2 flex flex-wrap items-center gap-2 text-muted">
        <span className="num">
          {failure.code}
          {failure.clusterCode ? ` · ${failure.clusterCode}` : ''}
        </span>
        {failure.requestId ? (
          <span className="inline-flex items-center">
            request <span className="num ml-1">{failure.requestId}</span>
            <CopyButton text={failure.requestId} label="Copy request id" />
          </span>
        ) : null}
        {onRetry ? (
          <Button size="sm" onClick={onRetry}>
            <RotateCw aria-hidden />
            Try again
          </Button>
        ) : null}
      </div>
    </div>
  );
}

/** Part of the page is missing: says which part and why, and leaves the rest usable. */
export function PartialNote({ children }: { readonly children: ReactNode }) {
  return (
    <p role="note" className="mb-2 flex items-start gap-2 rounded-md bg-warn-soft px-2 py-1.5 text-warn">
      <TriangleAlert className="mt-0.5 size-3.5 shrink-0" aria-hidden />
      <span>{children}</span>
    </p>
  );
}
