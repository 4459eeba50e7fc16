/**
 * PostgreSQL ended although nobody asked: kill what is left, then either start it again in place or give the lease back and tell the controller at
 * once. The decision is the core's; its inputs are measured (WAL since the checkpoint, this node's replay speed).
 */
import type { ExitNotice } from '../cluster/commands';
import { crashWindowMs, restartOrFailover } from '../cluster/core/restart-or-failover';
import { messageOf } from '../kernel/errors';
import { delay } from '../kernel/waiting';
import type { ServerExit } from '../postgres/api';
import type { LeaseHolder } from './lease-holder';
import type { MemberLoop } from './member-loop';
import { clusterConfig, groupFact, type NodeContext } from './node-context';
import type { Successors } from './successors';

const killAgainMs = 50;

export type CrashWatchOptions = {
  readonly context: NodeContext;
  readonly lease: Pick<LeaseHolder, 'epoch' | 'holds' | 'input'>;
  readonly loop: Pick<MemberLoop, 'starts' | 'trigger'>;
  readonly successors: Pick<Successors, 'possible'>;
  readonly notify: (notice: ExitNotice) => void;
};

export class CrashWatch {
  #crashes: number[] = [];
  #stopped = false;
  readonly #unsubscribe: () => void;

  constructor(private readonly options: CrashWatchOptions) {
    this.#unsubscribe = options.context.postgres.onExit((exit) => {
      if (!exit.expected) void this.#crashed(exit);
    });
  }

  stop(): void {
    this.#stopped = true;
    this.#unsubscribe();
  }

  async #crashed(exit: ServerExit): Promise<void> {
    const { context, lease, loop } = this.options;
    const redo = context.postgres.estimateRedoMs();
    context.logger.error({ exit, redo }, 'PostgreSQL ended unexpectedly');
    const record = groupFact(context)?.record;
    const epoch = lease.epoch;
    await this.#killRest();
    if (!record || epoch === null || record.primary !== context.config.nodeId || record.epoch !== epoch)
      return loop.trigger();

    // Of a start that is still under way nobody knows yet whether the server had come up before it ended.
    await loop.starts.outcome();
    const now = context.loop.now();
    const decision = restartOrFailover({
      holdsLease: lease.holds(epoch),
      allDead: await context.postgres.isDead(),
      estimatedRedoMs: redo.ms,
      restartBudgetMs: clusterConfig(context)?.restartBudgetMs ?? 1000,
      earlierCrashesMs: this.#crashes,
      nowMs: now,
      successorPossible: this.options.successors.possible(),
      failedStarts: loop.starts.unserved,
    });
    this.#crashes = [...this.#crashes.filter((at) => now - at < crashWindowMs), now];
    context.logger.warn({ decision: decision.kind, why: decision.why }, 'decided');
    // First that the lease goes back, then that all is dead: the other way round the loop could start the server in between.
    if (decision.kind === 'fail-over') lease.input({ kind: 'give-back', mode: 'now' });
    if (decision.kind !== 'kill-rest-first') lease.input({ kind: 'all-dead' });
    this.options.notify({
      node: context.config.nodeId,
      group: context.config.group,
      epoch,
      at: exit.at,
      decision:
        decision.kind === 'fail-over'
          ? 'fail-over'
          : decision.kind === 'restart-in-place'
            ? 'restart-in-place'
            : 'none',
      redoMs: redo.ms,
      walBytes: redo.walBytes,
      leaseReleased: decision.kind === 'fail-over',
    });
    loop.trigger();
  }

  /** A process in uninterruptible sleep outlives its SIGKILL for a while: nothing is decided, told or started before it is gone. */
  async #killRest(): Promise<void> {
    const { context } = this.options;
    while (!this.#stopped) {
      try {
        // An exit is mostly told when nothing is alive any more: then one look is enough, and each takes 20 ms while a loaded server dies.
        if (await context.postgres.isDead()) return;
        await context.postgres.killAll();
        if (await context.postgres.isDead()) return;
      } catch (error) {
        context.logger.error({ error: messageOf(error) }, 'what is left of PostgreSQL could not be killed yet');
      }
      await delay(context.loop, killAgainMs);
    }
  }
}
