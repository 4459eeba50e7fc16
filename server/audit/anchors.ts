/**
 * The head of each audit log, kept in the control store: who changes the files of a console can't change it there, so a cut tail or a replaced
 * file is found. Written once a minute and at the stop. Invariant: an anchor that the files contradict is never forgotten, it is kept in
 * `broken` when newer heads are anchored.
 */
import { keys } from '@/engine/cluster/model';
import type { Logger } from '@/engine/kernel/log';
import { ControlRecords } from '@/server/auth/control-records';
import type { EngineClient } from '@/server/engine-client/api';
import type { AuditFilter, AuditTrail } from './api';
import type { AuditLog } from './log';

const everyMs = 60_000;
const brokenLimit = 100;

/** Stored under audit-anchors/<writer>. */
export type AnchoredHead = {
  readonly writer: string;
  readonly sequence: number;
  readonly hash: string;
  readonly at: string;
  /** Anchors that the files did not have any more when the next one was made. */
  readonly broken: readonly { readonly at: string; readonly sequence: number; readonly hash: string }[];
};

export class AuditAnchors {
  readonly #records: ControlRecords<AnchoredHead>;
  #timer: NodeJS.Timeout | null = null;
  #running: Promise<void> | null = null;
  /** What this process anchored itself: it only appended since, so the files need not be read again. */
  #own: string | null = null;

  constructor(
    engine: EngineClient,
    private readonly log: AuditLog,
    private readonly logger: Logger,
  ) {
    this.#records = new ControlRecords(engine, keys.auditAnchors);
  }

  start(): void {
    this.#timer = setInterval(() => void this.anchor(), everyMs).unref();
  }

  async stop(): Promise<void> {
    if (this.#timer) clearInterval(this.#timer);
    await this.anchor();
  }

  all(): Promise<readonly AnchoredHead[]> {
    return this.#records.all();
  }

  /** Of this console; null: none yet. */
  own(): Promise<AnchoredHead | null> {
    return this.#records.get(this.log.writer.id);
  }

  /** Without a majority the next minute tries again. */
  anchor(): Promise<void> {
    this.#running ??= this.#anchor()
      .catch((error: unknown) => this.logger.debug({ err: error }, 'the audit log could not be anchored'))
      .finally(() => {
        this.#running = null;
      });
    return this.#running;
  }

  async #anchor(): Promise<void> {
    const { head, id } = this.log.writer;
    const held = await this.#records.held(id);
    const before = held?.record ?? null;
    const broken = [...(before?.broken ?? [])];
    const at = new Date().toISOString();
    const toCheck = before !== null && before.sequence >= 0 && before.hash !== this.#own;
    if (toCheck && (await this.log.hashAt(before.sequence)) !== before.hash) {
      if (broken.length < brokenLimit) broken.push({ at, sequence: before.sequence, hash: before.hash });
      this.logger.error({ sequence: before.sequence, anchoredAt: before.at }, 'the audit log was cut or replaced');
    }
    if (head === null && before === null) return;
    if (before !== null && broken.length === before.broken.length && before.hash === head?.hash) return;
    const next: AnchoredHead = {
      writer: id,
      sequence: head?.sequence ?? -1,
      hash: head?.hash ?? '',
      at,
      broken,
    };
    if (await this.#records.put(id, held?.modRevision ?? 0, next)) this.#own = next.hash;
  }
}

/** The log together with what the control store says of it. */
export class AnchoredTrail implements AuditTrail {
  constructor(
    private readonly log: AuditLog,
    private readonly anchors: AuditAnchors,
  ) {}

  list(filter: AuditFilter) {
    return this.log.list(filter);
  }

  entries(filter: Omit<AuditFilter, 'limit'>) {
    return this.log.entries(filter);
  }

  async verify() {
    // Read before the files: they have at least what was anchored by then.
    const known = await Promise.all([this.anchors.own(), this.anchors.all()]).catch(() => null);
    const [own, all] = known ?? [null, []];
    const found = await this.log.verify(own);
    const { id } = this.log.writer;
    return {
      ...found,
      message: known === null ? `${found.message}; the control store could not be asked for the anchor` : found.message,
      writer: id,
      anchoredLines: own === null ? null : own.sequence + 1,
      anchoredAt: own?.at ?? null,
      otherWriters: all
        .filter((one) => one.writer !== id)
        .map((one) => ({ writer: one.writer, anchoredLines: one.sequence + 1, anchoredAt: one.at })),
    };
  }
}
