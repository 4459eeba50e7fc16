/** Preflight: every rule for every candidate, measured · limit · remedy. Failing rules come first, passing ones stay visible. */
import { Check as CheckIcon, Info, TriangleAlert, X } from 'lucide-react';
import { cn } from '../ui/cn';
import { limitText, measureText, ruleName } from './check-text';

export type CheckRow = {
  readonly rule: string;
  readonly node: string | null;
  readonly ok: boolean;
  readonly severity: string;
  readonly measured: string | null;
  readonly limit: string | null;
  readonly remedy: string | null;
};

type Look = {
  readonly icon: typeof CheckIcon;
  readonly word: string;
  readonly className: string;
  readonly order: number;
};

function lookOf(check: CheckRow): Look {
  if (check.ok) return { icon: CheckIcon, word: 'passes', className: 'text-ok', order: 3 };
  if (check.severity === 'blocker') return { icon: X, word: 'blocks', className: 'text-bad', order: 0 };
  if (check.severity === 'warning') return { icon: TriangleAlert, word: 'warns', className: 'text-warn', order: 1 };
  return { icon: Info, word: 'note', className: 'text-muted', order: 2 };
}

export function CheckList({
  checks,
  label,
  subject = null,
}: {
  readonly checks: readonly CheckRow[];
  readonly label: string;
  /** The node that the whole list speaks of: not repeated on each line. */
  readonly subject?: string | null;
}) {
  if (checks.length === 0) return <p className="text-muted">No rule applies.</p>;
  const ordered = checks
    .map((check, index) => ({ check, index, look: lookOf(check) }))
    .sort((a, b) => a.look.order - b.look.order || a.index - b.index);
  return (
    <ul aria-label={label} className="grid gap-px">
      {ordered.map(({ check, index, look }) => (
        <li key={`${check.rule}-${check.node ?? ''}-${index}`} className="grid grid-cols-[1.1rem_1fr] gap-x-2 py-1">
          <look.icon className={cn('mt-0.5 size-3.5', look.className)} aria-hidden />
          <div className="min-w-0">
            <div className="flex flex-wrap gap-x-2">
              <span className={cn('font-medium', check.ok ? '' : look.className)}>
                <span className="sr-only">{look.word}: </span>
                {ruleName(check.rule)}
              </span>
              {check.node && check.node !== subject ? <span className="text-muted">{check.node}</span> : null}
              {check.measured ? <span className="num">{measureText(check.measured)}</span> : null}
              <Limit text={limitText(check.limit, check.measured)} />
            </div>
            {!check.ok && check.remedy ? <p className="text-muted">{check.remedy}</p> : null}
          </div>
        </li>
      ))}
    </ul>
  );
}

function Limit({ text }: { readonly text: string | null }) {
  return text === null ? null : <span className="text-muted">{text}</span>;
}

export function blockers(checks: readonly CheckRow[]): readonly CheckRow[] {
  return checks.filter((check) => !check.ok && check.severity === 'blocker');
}
