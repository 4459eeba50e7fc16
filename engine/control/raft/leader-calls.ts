/**
 * Finding the leader: a call is answered here when this node leads, otherwise asked of the leader, again after each election, until a deadline.
 * Repeating is safe: reads and renewals change nothing that matters twice, transactions carry an id that the state machine remembers.
 */
import type { Interconnect } from '../../interconnect/api';
import { ClusterError, isClusterError } from '../../kernel/errors';
import type { NodeId } from '../../kernel/ids';
import type { Loop } from '../../kernel/loop';
import { noQuorum } from './pending';

export type Call<T> = {
  readonly method: string;
  readonly payload: unknown;
  readonly local: () => Promise<T>;
  readonly budgetMs: number;
};

export type LeaderView = { readonly ready: boolean; readonly leader: NodeId | null; readonly self: NodeId };

export class LeaderCalls {
  readonly #waiters = new Set<() => void>();
  #stopped = false;

  constructor(
    private readonly interconnect: Pick<Interconnect, 'request'>,
    private readonly loop: Loop,
    private readonly view: () => LeaderView,
  ) {}

  /** To be called whenever the view may have changed. */
  changed(): void {
    const waiters = [...this.#waiters];
    this.#waiters.clear();
    for (const wake of waiters) wake();
  }

  stop(): void {
    this.#stopped = true;
    this.changed();
  }

  async run<T>(call: Call<T>): Promise<T> {
    const startedAt = this.loop.now();
    const deadline = startedAt + call.budgetMs;
    let pauseMs = 5;
    for (;;) {
      const left = deadline - this.loop.now();
      if (this.#stopped) throw new ClusterError('UNAVAILABLE', 'The control store on this node has stopped');
      if (left <= 0) throw noQuorum(this.loop.now() - startedAt);
      try {
        const answer = this.#attempt(call, left);
        if (answer) return await this.#bounded(answer, deadline, startedAt);
      } catch (error) {
        if (!isRetryable(error)) throw error;
      }
      // Bounded by the deadline; the pause grows so that a refusing leader is not hammered.
      await this.nextChange(Math.min(pauseMs, left));
      pauseMs = Math.min(100, pauseMs * 2);
    }
  }

  #attempt<T>(call: Call<T>, left: number): Promise<T> | null {
    const { ready, leader, self } = this.view();
    if (ready) return call.local();
    if (leader === null || leader === self) return null;
    return this.#ask(call, leader, left);
  }

  /** A leader that hangs is given up as soon as another one is known. */
  async #ask<T>(call: Call<T>, leader: NodeId, left: number): Promise<T> {
    const abort = new AbortController();
    const watch = () => {
      if (this.#stopped || this.view().leader !== leader) abort.abort();
      else this.#waiters.add(watch);
    };
    this.#waiters.add(watch);
    try {
      const aborted = new Promise<never>((_, reject) => {
        abort.signal.addEventListener('abort', () => reject(new ClusterError('UNAVAILABLE', 'The leader changed')), {
          once: true,
        });
      });
      const options = { timeoutMs: Math.max(1, Math.ceil(left)), signal: abort.signal };
      const answer = this.interconnect.request<T>(leader, call.method, call.payload, options);
      return await Promise.race([answer, aborted]);
    } finally {
      this.#waiters.delete(watch);
    }
  }

  #bounded<T>(promise: Promise<T>, deadline: number, startedAt: number): Promise<T> {
    return new Promise<T>((resolve, reject) => {
      const timer = this.loop.after(Math.max(1, deadline - this.loop.now()), () =>
        reject(Object.assign(noQuorum(this.loop.now() - startedAt), { final: true })),
      );
      promise.then(resolve, reject).finally(() => timer.cancel());
    });
  }

  nextChange(ms: number): Promise<void> {
    return new Promise((resolve) => {
      const done = () => {
        timer.cancel();
        this.#waiters.delete(done);
        resolve();
      };
      const timer = this.loop.after(Math.max(1, ms), done);
      this.#waiters.add(done);
    });
  }
}

function isRetryable(error: unknown): boolean {
  if (!isClusterError(error) || 'final' in error || error.details.extra?.refusal === 'disk-full') return false;
  return error.code === 'UNAVAILABLE' || error.code === 'TIMEOUT';
}
