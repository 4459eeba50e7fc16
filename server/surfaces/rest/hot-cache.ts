/**
 * Serialised answers of hot reads, one per view revision, address and visibility. Equal revision is equal content but for ages, so an entry
 * is also dropped after a second. Bounded by count and by bytes; the oldest go first.
 */
import type { CurrentView } from '@/server/engine-client/api';

const maxEntries = 500;
const maxBytes = 64 * 1024 * 1024;
const maxAgeMs = 1000;

export type HotAnswer = { readonly body: Buffer; readonly etag: string; readonly link: string | null };
type Entry = HotAnswer & { readonly stamp: string; readonly at: number };

export class HotCache {
  readonly #entries = new Map<string, Entry>();
  #bytes = 0;

  static stampOf(current: CurrentView): string {
    return `${current.view.revision}-${current.view.servedBy}-${current.live ? 1 : 0}`;
  }

  get(key: string, stamp: string): HotAnswer | null {
    const entry = this.#entries.get(key);
    if (!entry || entry.stamp !== stamp || performance.now() - entry.at > maxAgeMs) return null;
    return entry;
  }

  put(key: string, stamp: string, body: Buffer, link: string | null): HotAnswer {
    this.#drop(key);
    const entry: Entry = {
      body,
      link,
      stamp,
      etag: `"${stamp}-${key.endsWith('|admin') ? 'a' : 'v'}"`,
      at: performance.now(),
    };
    this.#entries.set(key, entry);
    this.#bytes += body.length;
    for (const oldest of this.#entries.keys()) {
      if (this.#entries.size <= maxEntries && this.#bytes <= maxBytes) break;
      if (oldest !== key) this.#drop(oldest);
      else break;
    }
    return entry;
  }

  #drop(key: string): void {
    const entry = this.#entries.get(key);
    if (!entry) return;
    this.#entries.delete(key);
    this.#bytes -= entry.body.length;
  }
}

/** `If-None-Match` holds this tag (weak or strong) or a star. */
export function matchesEtag(header: string | undefined, etag: string): boolean {
  if (header === undefined) return false;
  return header.split(',').some((one) => one.trim() === '*' || one.trim().replace(/^W\//, '') === etag);
}
