/** What callers wait for: entries they proposed (by index and term) and reads. Bounded by the core's limits on both. */
import { ClusterError } from '../../kernel/errors';
import type { Applied } from '../core/kv';
import type { Entry } from './core/model';

export function notLeader(why: string): ClusterError {
  return new ClusterError('UNAVAILABLE', `This node does not lead the control store (${why})`, {
    clusterCode: 'CLU_NOT_LEADER',
  });
}

export function noQuorum(waitedMs: number): ClusterError {
  return new ClusterError(
    'UNAVAILABLE',
    `The control store has no leader with a majority (waited ${Math.round(waitedMs)} ms); whether a write took effect is not known`,
    {
      clusterCode: 'CLU_NO_QUORUM',
      reasons: [
        {
          rule: 'control-quorum',
          measured: 'no leader with a majority',
          limit: 'a majority of the voters',
          remedy: 'Start the missing nodes, or heal the network between them.',
        },
      ],
    },
  );
}

type Waiting = {
  readonly term: number;
  readonly resolve: (applied: Applied | null) => void;
  readonly reject: (error: Error) => void;
};

export class PendingProposals {
  readonly #waiting = new Map<number, Waiting>();

  add(index: number, term: number): Promise<Applied | null> {
    return new Promise((resolve, reject) => this.#waiting.set(index, { term, resolve, reject }));
  }

  applied(entry: Entry, result: Applied | null): void {
    const waiting = this.#waiting.get(entry.index);
    if (!waiting) return;
    this.#waiting.delete(entry.index);
    if (waiting.term === entry.term) waiting.resolve(result);
    else waiting.reject(notLeader('another leader wrote in its place'));
  }

  /** Leadership is gone: callers ask the next leader under the same id, which answers what was already applied. */
  rejectAll(): void {
    for (const waiting of this.#waiting.values()) waiting.reject(notLeader('it stepped down'));
    this.#waiting.clear();
  }
}

export class PendingReads {
  readonly #waiting = new Map<number, { resolve(): void; reject(error: Error): void }>();
  #next = 1;

  add(): { readonly id: number; readonly done: Promise<void> } {
    const id = this.#next++;
    const done = new Promise<void>((resolve, reject) => this.#waiting.set(id, { resolve, reject }));
    return { id, done };
  }

  answer(id: number, index: number | null): void {
    const waiting = this.#waiting.get(id);
    this.#waiting.delete(id);
    if (index === null) waiting?.reject(notLeader('the read was not confirmed'));
    else waiting?.resolve();
  }
}
