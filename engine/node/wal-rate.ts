/** How fast WAL comes in, from how far it is received at each look: it passes no process of ours that could count it. */
import { type LsnText, lagBytes } from '../kernel/lsn';

export class WalRate {
  #last: { readonly lsn: LsnText; readonly at: number } | null = null;

  /** Bytes per second since the look before; 0 at the first, and where nothing is received. */
  look(lsn: LsnText | null, now: number): number {
    const last = this.#last;
    this.#last = lsn === null ? null : { lsn, at: now };
    if (last === null || lsn === null || now <= last.at) return 0;
    return Math.round((Math.max(0, lagBytes(lsn, last.lsn) ?? 0) * 1000) / (now - last.at));
  }
}
