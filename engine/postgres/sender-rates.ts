/**
 * How fast each standby is sent WAL: bytes between two looks at `sent_lsn`, over at least a second, so that a look every 250 ms doesn't turn it into
 * noise. A sender that went away and came back begins anew: what it caught up meanwhile is no flow.
 */
import type { ReplicationSender } from '../cluster/model';
import { parseLsn } from '../kernel/lsn';

const windowMs = 1_000;

type Window = { readonly lsn: bigint; readonly atMs: number; readonly perSecond: number | null };

export class SenderRates {
  #windows = new Map<string, Window>();

  /** The same senders with their rate; null until a second of it was seen. */
  withRates(senders: readonly ReplicationSender[], nowMs: number): readonly ReplicationSender[] {
    const windows = new Map<string, Window>();
    const rated = senders.map((sender) => {
      if (sender.sentLsn === null) return { ...sender, bytesPerSecond: null };
      const window = next(this.#windows.get(sender.applicationName), parseLsn(sender.sentLsn), nowMs);
      windows.set(sender.applicationName, window);
      return { ...sender, bytesPerSecond: window.perSecond };
    });
    this.#windows = windows;
    return rated;
  }
}

function next(last: Window | undefined, lsn: bigint, atMs: number): Window {
  // A position that went back is another life of the server or of the standby.
  if (last === undefined || lsn < last.lsn) return { lsn, atMs, perSecond: null };
  if (atMs - last.atMs < windowMs) return last;
  return { lsn, atMs, perSecond: Math.round((Number(lsn - last.lsn) / (atMs - last.atMs)) * 1_000) };
}
