import { cn } from '../ui/cn';
import { measureText, ruleName } from './check-text';
import type { FailureReason } from './failure';

/** All reasons of a refusal: rule, measured value, limit, remedy. None is hidden. */
export function ReasonList({
  reasons,
  className,
}: {
  readonly reasons: readonly FailureReason[];
  readonly className?: string;
}) {
  if (reasons.length === 0) return null;
  return (
    <ul className={cn('grid gap-1.5', className)}>
      {reasons.map((reason) => (
        <li
          key={`${reason.node ?? ''}-${reason.rule}-${reason.measured ?? ''}`}
          className="border-line-strong border-l-2 pl-2"
        >
          <span className="font-medium">
            {reason.node ? `${reason.node}: ` : ''}
            {ruleName(reason.rule)}
          </span>
          {reason.measured ? <span className="num"> {measureText(reason.measured)}</span> : null}
          {reason.limit ? <span className="text-muted"> (limit {measureText(reason.limit)})</span> : null}
          <span className="block text-muted">{reason.remedy}</span>
        </li>
      ))}
    </ul>
  );
}
