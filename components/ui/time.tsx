'use client';
import { useNow } from './clock';
import { formatClock, formatLocal, formatRelative, formatUtc, toDate } from './format';
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

/** For streams and histories, where many rows share one relative age: the clock before it. */
export function ClockTime({ at }: { readonly at: number | string | Date | null | undefined }) {
  return (
    <>
      <span className="num mr-2 text-muted">{formatClock(at)}</span>
      <Time at={at} />
    </>
  );
}
