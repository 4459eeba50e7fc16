/**
 * What the audit log recorded, handed to the control store's leader as events for admins. Best effort: the log is the record, an event is only the
 * news of it. Invariants: neither inputs nor messages leave the log; a flood costs the engine's buffer one event a second at most, and how many were
 * left out is told with the next one; nothing waits for it.
 */
import type { ToldAudit } from '@/engine/runtime/engine-api';
import type { EngineClient } from '@/server/engine-client/api';
import type { AuditEntry } from './api';

const burst = 100;
const perMs = 1 / 1_000;
const timeoutMs = 2_000;

export class AuditEvents {
  #waiting: ToldAudit[] = [];
  #leftOut = 0;
  #allowed = burst;
  #at: number;
  #sending: Promise<void> | null = null;

  constructor(
    private readonly engine: Pick<EngineClient, 'leader'>,
    /** Names the log in which the entry stands. */
    private readonly writer: string,
    private readonly nowMs: () => number = () => performance.now(),
  ) {
    this.#at = nowMs();
  }

  /** An entry whose outcome is on disk. What was refused changed nothing, and strangers could fill the buffer with it. */
  recorded(entry: AuditEntry): void {
    if (entry.outcome === 'refused') return;
    const now = this.nowMs();
    this.#allowed = Math.min(burst, this.#allowed + (now - this.#at) * perMs);
    this.#at = now;
    if (this.#allowed < 1) {
      this.#leftOut++;
      return;
    }
    this.#allowed--;
    const { sequence, at, actor, role, surface, requestId, procedure, outcome, code, operationId } = entry;
    this.#waiting.push({ sequence, at, actor, role, surface, requestId, procedure, outcome, code, operationId });
    this.#sending ??= this.#send().finally(() => {
      this.#sending = null;
    });
  }

  /** What was recorded until now has been handed over or given up. */
  async settled(): Promise<void> {
    while (this.#sending !== null) await this.#sending;
  }

  async #send(): Promise<void> {
    while (this.#waiting.length > 0) {
      const entries = this.#waiting.splice(0);
      const leftOut = this.#leftOut;
      this.#leftOut = 0;
      const told = await this.engine.leader('audit.tell', { writer: this.writer, entries, leftOut }, timeoutMs).then(
        () => true,
        () => false,
      );
      // Perhaps it was told and only the answer was lost: better left out of the events than told twice.
      if (!told) this.#leftOut += leftOut + entries.length;
    }
  }
}
