import { Crown, KeyRound, Landmark } from 'lucide-react';
import type { MapLayers } from '../../topology/model';

/** What the marks mean. */
export function MapLegend({ layers }: { readonly layers: MapLayers }) {
  return (
    <ul
      aria-label="Legend"
      className="ml-auto flex flex-wrap items-center gap-x-3 gap-y-1 text-[0.92rem] text-muted max-md:hidden"
    >
      <li className="flex items-center gap-1">
        <Crown className="size-3.5" aria-hidden /> primary
      </li>
      <li className="flex items-center gap-1">
        <KeyRound className="size-3.5" aria-hidden /> holds the lease
      </li>
      <li className="flex items-center gap-1">
        <Landmark className="size-3.5" aria-hidden /> leads the control store
      </li>
      {layers.replication ? (
        <>
          <Line colour="var(--ok)" text="in step" />
          <Line colour="var(--warn)" text="behind" />
          <Line colour="var(--bad)" dash="3 6" text="broken" />
          <li>thicker = more WAL</li>
        </>
      ) : null}
      {layers.interconnect ? <Line colour="var(--ok)" dash="2 5" text="round trip, the slower way" /> : null}
      {layers.services ? <li>rw, ro = sessions through the router</li> : null}
    </ul>
  );
}

function Line({ colour, dash, text }: { readonly colour: string; readonly dash?: string; readonly text: string }) {
  return (
    <li className="flex items-center gap-1">
      <svg width="22" height="6" aria-hidden="true">
        <line x1="0" y1="3" x2="22" y2="3" stroke={colour} strokeWidth="2" strokeDasharray={dash} />
      </svg>
      {text}
    </li>
  );
}
