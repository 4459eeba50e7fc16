/** How fast a standby replays, seen while it has more to replay than it receives: only then does the speed say something. */
import type { PostgresReport } from '../cluster/model';
import { type LsnText, lagBytes } from '../kernel/lsn';
import type { RedoEstimator } from './redo-estimate';

/** Received but not replayed: with less, replay waits for WAL rather than the other way round. */
const backlogBytes = 8 * 1024 * 1024;
const sampleMs = 1000;

export class BacklogWatch {
  #begun: { readonly replayLsn: LsnText; readonly at: number } | null = null;

  constructor(private readonly redo: Pick<RedoEstimator, 'sampleReplay'>) {}

  /** A sample has a backlog at both of its ends. */
  look(report: PostgresReport): void {
    const backlog = report.state === 'standby' ? (lagBytes(report.receiveLsn, report.replayLsn) ?? 0) : 0;
    if (backlog < backlogBytes || report.replayLsn === null || report.replayPaused) {
      this.#begun = null;
      return;
    }
    const now = performance.now();
    this.#begun ??= { replayLsn: report.replayLsn, at: now };
    if (now - this.#begun.at < sampleMs) return;
    const bytes = lagBytes(report.replayLsn, this.#begun.replayLsn) ?? 0;
    void this.redo.sampleReplay(bytes, now - this.#begun.at).catch(() => undefined);
    this.#begun = { replayLsn: report.replayLsn, at: now };
  }
}
