/** Whether a dragged standby may become its group's primary, as far as the map can tell; the server's preflight has the last word. Pure. */
import type { MapNode, Rect } from './model';

export type DropVerdict =
  | { readonly kind: 'none' }
  | { readonly kind: 'allowed'; readonly target: string; readonly group: string }
  | { readonly kind: 'refused'; readonly target: string; readonly reason: string };

export function dropVerdict(dragged: MapNode, over: MapNode | null, refusal: string | null): DropVerdict {
  if (over === null || over.id === dragged.id) return { kind: 'none' };
  if (over.role !== 'primary') return { kind: 'none' };
  const refused = (reason: string): DropVerdict => ({ kind: 'refused', target: dragged.id, reason });
  if (over.group !== dragged.group) {
    return refused(
      `${dragged.id} belongs to group ${dragged.group}; only a standby of ${over.group} can become its primary.`,
    );
  }
  if (refusal !== null) return refused(refusal);
  if (dragged.status === 'stopped') return refused(`${dragged.id} is stopped. Start it first.`);
  if (dragged.status === 'maintenance') return refused(`${dragged.id} is in maintenance. End the maintenance first.`);
  if (dragged.status === 'initializing') return refused(`${dragged.id} is still being initialised.`);
  if (dragged.lsn === null) return refused(`${dragged.id} reports no WAL position: ${dragged.statusReason}`);
  return { kind: 'allowed', target: dragged.id, group: dragged.group };
}

/** The primary whose place holds the centre of the dragged card. */
export function nodeUnder(
  position: { readonly x: number; readonly y: number },
  size: { readonly width: number; readonly height: number },
  places: ReadonlyMap<string, Rect>,
  dragged: string,
): string | null {
  const x = position.x + size.width / 2;
  const y = position.y + size.height / 2;
  for (const [id, rect] of places) {
    if (id === dragged) continue;
    if (x >= rect.x && x <= rect.x + rect.width && y >= rect.y && y <= rect.y + rect.height) return id;
  }
  return null;
}
