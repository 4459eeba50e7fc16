/**
 * PostgreSQL's state as last asked, shared by everyone in the agent who looks at it several times a second. A look may be as old as the caller
 * allows; whatever changes the server (start, stop, exit, promotion) makes the next look a fresh one.
 */
import type { PostgresReport } from '../cluster/model';
import type { Loop } from '../kernel/loop';
import type { PostgresServer } from '../postgres/api';

export class ReportCache {
  #last: { readonly report: PostgresReport; readonly at: number } | null = null;
  #seen: { readonly report: PostgresReport; readonly at: number } | null = null;
  #asking: Promise<PostgresReport> | null = null;
  #generation = 0;
  #moves = true;

  constructor(
    private readonly postgres: PostgresServer,
    private readonly loop: Loop,
  ) {
    postgres.onExit(() => {
      this.#seen = null;
      this.invalidate();
    });
  }

  /** Null before the first look. */
  get last(): PostgresReport | null {
    return this.#last?.report ?? null;
  }

  /**
   * What the running server last said of itself, and how long ago. It outlives a wish for a fresh look but no exit, and a look to which the server gave
   * no answer does not stand in for one.
   */
  get seen(): { readonly report: PostgresReport; readonly ageMs: number } | null {
    const seen = this.#seen;
    return seen && { report: seen.report, ageMs: this.loop.now() - seen.at };
  }

  /** The last two looks found different positions; also while there were no two. */
  get moves(): boolean {
    return this.#moves;
  }

  invalidate(): void {
    this.#moves = true;
    this.#last = null;
    this.#asking = null;
    this.#generation++;
  }

  /** A look that nothing has overtaken: null when the server changed while the question was under way, because the answer may be from before. */
  async current(maximumAgeMs: number): Promise<PostgresReport | null> {
    const generation = this.#generation;
    const report = await this.get(maximumAgeMs);
    return generation === this.#generation ? report : null;
  }

  async get(maximumAgeMs: number): Promise<PostgresReport> {
    const last = this.#last;
    if (last && this.loop.now() - last.at <= maximumAgeMs) return last.report;
    return this.#asking ?? this.#ask();
  }

  #ask(): Promise<PostgresReport> {
    const question = this.postgres.report().then(
      (report) => {
        // An exit in between makes this answer old: whoever asked gets it, nobody else.
        if (this.#asking === question) {
          this.#moves = this.#last === null || !standsStill(this.#last.report, report);
          this.#last = { report, at: this.loop.now() };
          if (this.#seen === null || this.#seen.report.state !== report.state || answered(report))
            this.#seen = this.#last;
          this.#asking = null;
        }
        return report;
      },
      (error: unknown) => {
        if (this.#asking === question) this.#asking = null;
        throw error;
      },
    );
    this.#asking = question;
    return question;
  }
}

/** A server that runs but does not answer is told of by process facts alone. */
function answered({ state, lsn }: PostgresReport): boolean {
  return (state !== 'primary' && state !== 'standby') || lsn !== null;
}

function standsStill(before: PostgresReport, after: PostgresReport): boolean {
  return (
    before.state === after.state &&
    before.lsn === after.lsn &&
    before.receiveLsn === after.receiveLsn &&
    before.replayLsn === after.replayLsn &&
    before.walReceiver?.status === after.walReceiver?.status
  );
}
