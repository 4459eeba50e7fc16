/**
 * A stream that outlives the node it came from: when it ends, it is opened again, at another node where there is one. Invariant: at most one
 * stream is open at a time, attempts are spaced, and after close() nothing more is delivered.
 */
import { isClusterError } from '../kernel/errors';
import type { NodeId } from '../kernel/ids';
import type { StreamReader } from './caller';

export type StreamSource<P> = {
  /** Connected nodes, best first. */
  readonly candidates: () => readonly NodeId[];
  /** Resolves when a candidate may have appeared, at the latest at the time-out. */
  readonly connected: (timeoutMs: number) => Promise<void>;
  readonly open: (node: NodeId, params: P, reader: StreamReader) => { close(): void };
};

export type StreamListener<P> = {
  readonly onItem: (item: unknown, from: NodeId) => void;
  readonly onReopen?: (node: NodeId) => P | undefined;
  readonly onInterrupted?: (interrupted: boolean, reason: string) => void;
};

const firstPauseMs = 50;
const longestPauseMs = 1000;
const waitMs = 1000;

export class ReopeningStream<P> {
  #closed = false;
  #current: { close(): void } | null = null;
  #timer: ReturnType<typeof setTimeout> | null = null;
  #everOpened = false;
  #interrupted = false;
  /** Nodes that failed us since the stream was last open: they come after the others, the oldest failure first. */
  readonly #failed = new Map<NodeId, number>();
  #attempts = 0;
  /** Who leads, as the node said that refused us. */
  #hint: NodeId | null = null;

  constructor(
    private readonly source: StreamSource<P>,
    private readonly params: P,
    private readonly listener: StreamListener<P>,
  ) {}

  start(): void {
    this.#open();
  }

  close(): void {
    this.#closed = true;
    if (this.#timer !== null) clearTimeout(this.#timer);
    this.#timer = null;
    this.#current?.close();
    this.#current = null;
  }

  #open(): void {
    if (this.#closed) return;
    const candidates = this.source.candidates();
    const node = this.#choose(candidates);
    if (node === undefined) {
      this.#interrupt('no node is connected');
      void this.source.connected(waitMs).then(() => this.#open());
      return;
    }
    const params = (this.#everOpened ? this.listener.onReopen?.(node) : undefined) ?? this.params;
    this.#current = this.source.open(node, params, {
      onItem: (item) => {
        if (!this.#closed) this.listener.onItem(item, node);
      },
      onOpened: () => this.#opened(),
      onEnd: (error) => this.#ended(node, error),
    });
  }

  #choose(candidates: readonly NodeId[]): NodeId | undefined {
    const hint = this.#hint;
    this.#hint = null;
    if (hint !== null && candidates.includes(hint)) return hint;
    const untried = candidates.find((candidate) => !this.#failed.has(candidate));
    return untried ?? [...candidates].sort((a, b) => this.#failed.get(a)! - this.#failed.get(b)!)[0];
  }

  #opened(): void {
    if (this.#closed) return;
    this.#everOpened = true;
    this.#attempts = 0;
    this.#failed.clear();
    if (this.#interrupted) this.listener.onInterrupted?.(false, '');
    this.#interrupted = false;
  }

  #ended(node: NodeId, error: Error | null): void {
    if (this.#closed) return;
    this.#current = null;
    this.#failed.set(node, ++this.#attempts);
    this.#hint = leaderToldBy(error);
    this.#interrupt(error?.message ?? 'the node ended the stream');
    // One quick try at each node, then slower: an election takes as long as it takes.
    const rounds = Math.floor(this.#attempts / Math.max(1, this.source.candidates().length));
    this.#timer = setTimeout(
      () => {
        this.#timer = null;
        this.#open();
      },
      Math.min(longestPauseMs, firstPauseMs * 2 ** Math.min(rounds, 10)),
    );
  }

  #interrupt(reason: string): void {
    if (!this.#interrupted) this.listener.onInterrupted?.(true, reason);
    this.#interrupted = true;
  }
}

function leaderToldBy(error: Error | null): NodeId | null {
  const leader = isClusterError(error) ? error.details.extra?.leader : undefined;
  return typeof leader === 'string' ? leader : null;
}
