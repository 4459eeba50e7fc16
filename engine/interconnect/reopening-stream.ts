/**
 * A stream that outlives the node it came from: when it ends, it is opened again, at another node where there is one. Invariant: at most one
 * stream is open at a time, attempts are spaced, and after close() nothing more is delivered.
 */
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

const reopenPauseMs = 50;
const waitMs = 1000;

export class ReopeningStream<P> {
  #closed = false;
  #current: { close(): void } | null = null;
  #timer: ReturnType<typeof setTimeout> | null = null;
  #everOpened = false;
  #interrupted = false;
  /** The node that just failed us comes last. */
  #avoid: NodeId | null = null;

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
    const node = candidates.find((candidate) => candidate !== this.#avoid) ?? candidates[0];
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
      onEnd: (error) => this.#ended(node, error?.message ?? 'the node ended the stream'),
    });
  }

  #opened(): void {
    if (this.#closed) return;
    this.#everOpened = true;
    this.#avoid = null;
    if (this.#interrupted) this.listener.onInterrupted?.(false, '');
    this.#interrupted = false;
  }

  #ended(node: NodeId, reason: string): void {
    if (this.#closed) return;
    this.#current = null;
    this.#avoid = node;
    this.#interrupt(reason);
    this.#timer = setTimeout(() => {
      this.#timer = null;
      this.#open();
    }, reopenPauseMs);
  }

  #interrupt(reason: string): void {
    if (!this.#interrupted) this.listener.onInterrupted?.(true, reason);
    this.#interrupted = true;
  }
}
