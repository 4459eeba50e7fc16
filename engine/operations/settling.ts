/**
 * Waits for what is just being applied before a request is refused because of it (`core/being-applied.ts` says what that is). Invariants: bounded by
 * `settleWithinMs`; it looks again at the whole plan each time, so nothing runs by an old one; it ends when this agent no longer leads.
 */
import type { GroupName } from '../kernel/ids';
import type { Loop } from '../kernel/loop';
import { delay } from '../kernel/waiting';
import { refusedByWhatIsApplied, settleWithinMs, settlingMs } from './core/being-applied';
import type { Plan } from './core/plan-model';
import type { ClusterSnapshot } from './core/snapshot';
import type { OperationRequest } from './model';

const lookEveryMs = 100;

export type SettlingDependencies = {
  readonly loop: Loop;
  snapshot(): ClusterSnapshot;
  leads(): boolean;
};

export class Settling {
  readonly #changedAt = new Map<GroupName, number>();
  #allChangedAt: number | null = null;

  constructor(private readonly deps: SettlingDependencies) {}

  /** Something of this group was changed on request just now; null: of the whole cluster. */
  note(group: GroupName | null): void {
    const now = this.deps.loop.now();
    if (group === null) this.#allChangedAt = now;
    else this.#changedAt.set(group, now);
    for (const [name, at] of this.#changedAt) if (now - at > settlingMs) this.#changedAt.delete(name);
  }

  async after<T>(group: GroupName | null, change: Promise<T>): Promise<T> {
    const changed = await change;
    this.note(group);
    return changed;
  }

  /** The first plan that is not refused by what is being applied, or the last one when that took too long. */
  async planned<T extends { readonly plan: Plan }>(request: OperationRequest, make: () => Promise<T>): Promise<T> {
    const until = this.deps.loop.now() + settleWithinMs;
    for (;;) {
      const made = await make();
      if (!this.passes(made.plan, request) || this.deps.loop.now() >= until || !this.deps.leads()) return made;
      await delay(this.deps.loop, lookEveryMs);
    }
  }

  /** Whether the refusal passes by itself with what is being applied now. */
  passes(plan: Plan, request: OperationRequest): boolean {
    return refusedByWhatIsApplied(plan, request, this.deps.snapshot(), this.#changedMsAgo(plan.group));
  }

  #changedMsAgo(group: GroupName | null): number | null {
    const own = group === null ? undefined : this.#changedAt.get(group);
    const at = Math.max(own ?? Number.NEGATIVE_INFINITY, this.#allChangedAt ?? Number.NEGATIVE_INFINITY);
    return Number.isFinite(at) ? this.deps.loop.now() - at : null;
  }
}
