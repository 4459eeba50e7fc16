/**
 * Looks at this server's replication slots once a second and tells the leader what changed. Invariants: nothing is told that was not seen; what was
 * seen is sent again until a leader has taken it, at most `keptChanges`, oldest given up first and said so. What changes while no agent runs is not told.
 */
import { messageOf } from '../kernel/errors';
import type { Timer } from '../kernel/loop';
import { every, isoTime } from '../kernel/waiting';
import { slotChanges } from '../replication/core/slot-changes';
import type { SlotChange, SlotInfo, SlotNotice } from '../replication/model';
import type { NodeContext } from './node-context';

export const slotNoticeMethod = 'agent.slots';
const everyMs = 1_000;
const keptChanges = 500;
const noticeTimeoutMs = 2_000;

export class SlotWatch {
  #timer: Timer | null = null;
  #looking = false;
  #again = false;
  #seen: readonly SlotInfo[] | null = null;
  #untold: readonly SlotChange[] = [];
  readonly #life: string;

  constructor(
    private readonly context: Pick<NodeContext, 'config' | 'logger' | 'loop' | 'postgres' | 'reports'>,
    private readonly tell: (notice: SlotNotice, timeoutMs: number) => Promise<void>,
  ) {
    this.#life = isoTime(context.loop);
  }

  start(): void {
    this.#timer = every(this.context.loop, everyMs, () => this.look());
  }

  stop(): void {
    this.#timer?.cancel();
    this.#timer = null;
  }

  /** Looks now; one look at a time, and once more when somebody asked meanwhile. */
  look(): void {
    if (this.#looking) {
      this.#again = true;
      return;
    }
    this.#looking = true;
    void this.#look()
      .catch((error: unknown) => this.context.logger.debug({ error: messageOf(error) }, 'slots not looked at'))
      .finally(() => {
        this.#looking = false;
        const again = this.#again && this.#timer !== null;
        this.#again = false;
        if (again) this.look();
      });
  }

  async #look(): Promise<void> {
    const state = this.context.reports.last?.state;
    // A server that is down has its slots all the same.
    if (state === 'primary' || state === 'standby') {
      const { slots } = await this.context.postgres.slots();
      if (this.#seen !== null) this.#note(slotChanges(this.#seen, slots, isoTime(this.context.loop)));
      this.#seen = slots;
    }
    await this.#deliver();
  }

  #note(changes: readonly SlotChange[]): void {
    if (changes.length === 0) return;
    const all = [...this.#untold, ...changes];
    if (all.length > keptChanges)
      this.context.logger.warn({ lost: all.length - keptChanges }, 'no leader takes what changed about slots');
    this.#untold = all.slice(-keptChanges);
  }

  async #deliver(): Promise<void> {
    const changes = this.#untold;
    if (changes.length === 0) return;
    const { nodeId, group } = this.context.config;
    const notice = { node: nodeId, group, life: this.#life, changes };
    await this.tell(notice, noticeTimeoutMs);
    this.#untold = this.#untold.filter((change) => !changes.includes(change));
  }
}
