/** How often a standby asks for its primary: one that has had nobody to follow for a while asks less often; one that streams again is quick again. */
import type { PostgresReport } from '../cluster/model';
import { relaxedRetryInterval } from './settings';

const aloneMs = 10_000;
type Change = { readonly wal_retrieve_retry_interval: string | null };

export class RetryPace {
  #aloneSince: number | null = null;
  #relaxed = false;

  get relaxed(): boolean {
    return this.#relaxed;
  }

  forget(): void {
    this.#relaxed = false;
    this.#aloneSince = null;
  }

  /** What makes it quick again; nothing where it is. */
  tighten(): Record<string, null> {
    const wasRelaxed = this.#relaxed;
    this.forget();
    return wasRelaxed ? { wal_retrieve_retry_interval: null } : {};
  }

  /** What is to be set after this look; null: nothing. */
  look(report: PostgresReport, now: number): Change | null {
    const alone = report.state === 'standby' && report.walReceiver?.status !== 'streaming';
    this.#aloneSince = alone ? (this.#aloneSince ?? now) : null;
    const relax = this.#aloneSince !== null && now - this.#aloneSince > aloneMs;
    if (relax === this.#relaxed || (!alone && report.state !== 'standby')) return null;
    this.#relaxed = relax;
    return { wal_retrieve_retry_interval: relax ? relaxedRetryInterval : null };
  }
}
