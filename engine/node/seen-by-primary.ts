/**
 * What the group's primary sees of the members, for `/cluster` of a standby, which itself sees only its own stream. Asked when somebody wants to know,
 * at most once a second however many do; a primary that is silent, or of a release that does not know the question, tells nothing.
 */
import type { MembersSeen } from './core/probe-facts';
import { groupFact, type NodeContext } from './node-context';
import { membersSeenMethod } from './peer-questions';

const everyMs = 1_000;
const patienceMs = 500;
const freshMs = 3_000;

export class SeenByPrimary {
  #askedMs = Number.NEGATIVE_INFINITY;
  #asking: Promise<void> | null = null;
  #heard: { readonly primary: string; readonly members: MembersSeen; readonly atMs: number } | null = null;

  constructor(
    private readonly context: Pick<NodeContext, 'config' | 'interconnect' | 'loop'>,
    private readonly primary: () => string | null,
  ) {}

  /** Null: nothing was heard of the present primary lately. */
  get members(): MembersSeen | null {
    const heard = this.#heard;
    const counts =
      heard !== null && heard.primary === this.primary() && this.context.loop.now() - heard.atMs <= freshMs;
    return counts ? heard.members : null;
  }

  /** Ends soon, whatever becomes of the question. */
  async refresh(): Promise<void> {
    const { loop, config } = this.context;
    const primary = this.primary();
    if (primary === null || primary === config.nodeId) return;
    if (loop.now() - this.#askedMs >= everyMs && this.#asking === null) {
      this.#askedMs = loop.now();
      this.#asking = this.#ask(primary).finally(() => {
        this.#asking = null;
      });
    }
    await this.#asking;
  }

  async #ask(primary: string): Promise<void> {
    const { interconnect, loop } = this.context;
    const atMs = loop.now();
    const members = await interconnect
      .request<MembersSeen>(primary, membersSeenMethod, {}, { timeoutMs: patienceMs })
      .catch(() => null);
    if (members !== null) this.#heard = { primary, members, atMs };
  }
}

export function primaryOf(context: NodeContext): string | null {
  return groupFact(context)?.record.primary ?? null;
}
