/**
 * PostgreSQL's state as last asked, shared by everyone in the agent who looks at it several times a second. A look may be as old as the caller
 * allows; whatever changes the server (start, stop, exit, promotion) makes the next look a fresh one.
 */
import type { PostgresReport } from '../cluster/model';
import type { Loop } from '../kernel/loop';
import type { PostgresServer } from '../postgres/api';

export class ReportCache {
  #last: { readonly report: PostgresReport; readonly at: number } | null = null;
  #asking: Promise<PostgresReport> | null = null;
  #generation = 0;
  #moves = true;

  constructor(
    private readonly postgres: PostgresServer,
    private readonly loop: Loop,
  ) {
    postgres.onExit(() => this.invalidate());
  }

  /** Null before the first look. */
  get last(): PostgresReport | null {
    return this.#last?.report ?? null;
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

function standsStill(before: PostgresReport, after: PostgresReport): boolean {
  return (
    before.state === after.state &&
    before.lsn === after.lsn &&
    before.receiveLsn === after.receiveLsn &&
    before.replayLsn === after.replayLsn &&
    before.walReceiver?.status === after.walReceiver?.status
  );
}
