/** How fast WAL comes in, from how far it is received at each look: it passes no process of ours that could count it. */
import type { PostgresReport } from '../cluster/model';
import type { Loop } from '../kernel/loop';
import { type LsnText, lagBytes } from '../kernel/lsn';
import { isoTime } from '../kernel/waiting';

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

/** What PostgreSQL does, for the ring of samples. */
export function sampleOf(report: PostgresReport | null, rate: WalRate, loop: Loop) {
  const receives = report?.state === 'standby' && report.walReceiver !== null;
  return {
    at: isoTime(loop),
    transactionsPerSecond: report?.transactionsPerSecond ?? 0,
    connections: report?.connections ?? 0,
    walBytesPerSecond: rate.look(receives ? report.receiveLsn : null, loop.now()),
    replayLagMs: report?.replayLagMs ?? null,
    lagBytes: report ? lagBytes(report.receiveLsn, report.replayLsn) : null,
  };
}
