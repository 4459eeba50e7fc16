/** Which clients of which release are connected, each kind and release once, so that a report stays small whatever their number. */
import type { PeerIdentity } from './api';

export type AnnouncedKind = { readonly kind: string; readonly release?: string; readonly level?: number };

/** More kinds of client than these are not built; a peer that invents releases must not make a report large. */
const most = 16;

export function announcedKinds(clients: readonly PeerIdentity[]): readonly AnnouncedKind[] {
  const found = new Map<string, AnnouncedKind>();
  for (const { kind, release, level } of clients) {
    const key = `${kind} ${level ?? ''} ${release ?? ''}`;
    if (found.size < most && !found.has(key))
      found.set(key, {
        kind,
        ...(release === undefined ? {} : { release }),
        ...(level === undefined ? {} : { level }),
      });
  }
  return [...found.values()].sort((a, b) => (a.level ?? 0) - (b.level ?? 0) || a.kind.localeCompare(b.kind));
}
