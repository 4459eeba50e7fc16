/**
 * Serialised (and, where asked for, compressed) answers of hot reads, one per view revision, address and visibility. Equal revision is equal content but for ages, so an entry
 * is also dropped after a second. Bounded by count and by bytes; the oldest go first.
 */
import { promisify } from 'node:util';
import { constants, gzip } from 'node:zlib';
import type { CurrentView } from '@/server/engine-client/api';

const maxEntries = 500;
const maxBytes = 64 * 1024 * 1024;
const maxAgeMs = 1000;
/** Below this the compressed answer saves less than it costs. */
const compressFrom = 16 * 1024;
const compress = promisify(gzip);

export type HotAnswer = { readonly body: Buffer; readonly etag: string; readonly link: string | null };
type Entry = HotAnswer & {
  readonly key: string;
  readonly stamp: string;
  readonly at: number;
  compressed: Promise<Buffer> | null;
  bytes: number;
};

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
      key,
      body,
      link,
      stamp,
      etag: `"${stamp}-${key.endsWith('|admin') ? 'a' : 'v'}"`,
      at: performance.now(),
      compressed: null,
      bytes: body.length,
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

  /** Once per answer, whoever asks at the same time; off the event loop. Null: too small. */
  compressed(answer: HotAnswer): Promise<Buffer> | null {
    const entry = answer as Entry;
    if (entry.body.length < compressFrom) return null;
    entry.compressed ??= compress(entry.body, { level: constants.Z_BEST_SPEED }).then((bytes) => {
      entry.bytes += bytes.length;
      if (this.#entries.get(entry.key) === entry) this.#bytes += bytes.length;
      return bytes;
    });
    return entry.compressed;
  }

  #drop(key: string): void {
    const entry = this.#entries.get(key);
    if (!entry) return;
    this.#entries.delete(key);
    this.#bytes -= entry.bytes;
  }
}

export function takesGzip(header: string | string[] | undefined): boolean {
  const offers = String(header ?? '').split(',');
  return offers.some((offer) => /^\s*gzip\s*(;\s*q=(?!0(\.0*)?\s*$)[\d.]+\s*)?$/i.test(offer));
}

/** `If-None-Match` holds this tag (weak or strong) or a star. */
export function matchesEtag(header: string | undefined, etag: string): boolean {
  if (header === undefined) return false;
  return header.split(',').some((one) => one.trim() === '*' || one.trim().replace(/^W\//, '') === etag);
}
