'use client';
import { CloudOff } from 'lucide-react';
import { useLiveAge, useTopology } from '../../providers/live';
import { formatDuration } from '../../ui/format';

/** Says at once that what is on the page may no longer be true, and why. */
export function StaleBanner() {
  const live = useLiveAge();
  const topology = useTopology();
  const text = !live.stale
    ? topology !== undefined && !topology.live
      ? 'No control majority: this is what one node knows from its own copy. Changes wait until a majority is back.'
      : null
    : live.connected
      ? `No new data for ${formatDuration(live.ageMs)}: the console server does not answer or has lost sight of the cluster. What you see is that old.`
      : `Connection to the console server lost. Reconnecting; what you see is ${live.ageMs === null ? 'old' : `${formatDuration(live.ageMs)} old`}.`;
  return (
    <div role="status" aria-live="polite">
      {text === null ? null : (
        <p className="flex items-center gap-2 border-warn border-b bg-warn-soft px-4 py-1.5 text-warn">
          <CloudOff className="size-4 shrink-0" aria-hidden />
          {text}
        </p>
      )}
    </div>
  );
}
