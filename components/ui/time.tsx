'use client';
import { useNow } from './clock';
import { formatLocal, formatRelative, formatUtc, toDate } from './format';
import { Tooltip } from './tooltip';

/** Relative on the page, absolute in both zones on hover or focus. */
export function Time({ at }: { readonly at: number | string | Date | null | undefined }) {
  const now = useNow();
  const date = toDate(at);
  if (date === null) return <span className="text-muted">never</span>;
  return (
    <Tooltip
      content={
        <span className="num grid">
          <span>{formatUtc(date)}</span>
          <span>{formatLocal(date)}</span>
        </span>
      }
    >
      <time dateTime={date.toISOString()} className="whitespace-nowrap">
        {now === 0 ? '…' : formatRelative(date, now)}
      </time>
    </Tooltip>
  );
}
