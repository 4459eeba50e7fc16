/** The page's building blocks: header with one true sentence, panels, fact lists. */
import type { ReactNode } from 'react';
import { cn } from './cn';

export function PageHeader({
  title,
  sentence,
  actions,
}: {
  readonly title: ReactNode;
  readonly sentence?: ReactNode;
  readonly actions?: ReactNode;
}) {
  return (
    <header className="mb-3 flex flex-wrap items-start justify-between gap-x-4 gap-y-2">
      <div className="min-w-0">
        <h1 className="font-semibold text-[1.45rem] leading-tight">{title}</h1>
        {sentence ? <p className="mt-0.5 text-muted">{sentence}</p> : null}
      </div>
      {actions ? <div className="flex flex-wrap items-center gap-1.5">{actions}</div> : null}
    </header>
  );
}

export function Panel({
  title,
  note,
  actions,
  children,
  className,
  flush = false,
}: {
  readonly title?: ReactNode;
  readonly note?: ReactNode;
  readonly actions?: ReactNode;
  readonly children: ReactNode;
  readonly className?: string;
  /** No padding: for tables and lists that bring their own. */
  readonly flush?: boolean;
}) {
  return (
    <section className={cn('min-w-0 rounded-lg border border-line bg-panel', className)}>
      {title ? (
        <div className="flex min-h-9 flex-wrap items-center justify-between gap-2 border-line border-b px-3 py-1">
          <h2 className="font-semibold">
            {title}
            {note ? <span className="ml-2 font-normal text-muted">{note}</span> : null}
          </h2>
          {actions ? <div className="flex items-center gap-1">{actions}</div> : null}
        </div>
      ) : null}
      <div className={flush ? '' : 'p-3'}>{children}</div>
    </section>
  );
}

export type Fact = { readonly label: string; readonly value: ReactNode; readonly hint?: string };

export function Facts({ facts, className }: { readonly facts: readonly Fact[]; readonly className?: string }) {
  return (
    <dl className={cn('grid grid-cols-[max-content_1fr] gap-x-4 gap-y-1', className)}>
      {facts.map((fact) => (
        <div key={fact.label} className="contents">
          <dt className="text-muted" title={fact.hint}>
            {fact.label}
          </dt>
          <dd className="min-w-0 break-words">{fact.value}</dd>
        </div>
      ))}
    </dl>
  );
}

export function Figure({
  label,
  value,
  note,
}: {
  readonly label: string;
  readonly value: ReactNode;
  readonly note?: ReactNode;
}) {
  return (
    <div className="min-w-0">
      <div className="text-muted">{label}</div>
      <div className="font-semibold text-[1.35rem] leading-tight">{value}</div>
      {note ? <div className="text-[0.92rem] text-muted">{note}</div> : null}
    </div>
  );
}
