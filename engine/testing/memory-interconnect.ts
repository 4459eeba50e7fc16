/** Interconnect between stores of one process, for tests: messages are JSON copies, delivered in order in a later turn; links can be cut. */
import type { Interconnect, MessageHandler, PeerIdentity, RequestHandler, RequestOptions } from '../interconnect/api';
import { ClusterError, type ClusterErrorJson, isClusterError } from '../kernel/errors';

export class MemoryNetwork {
  readonly nodes = new Map<string, MemoryInterconnect>();
  readonly #cut = new Set<string>();

  join(id: string, incarnation: string): MemoryInterconnect {
    const node = new MemoryInterconnect(this, id, incarnation);
    this.nodes.set(id, node);
    return node;
  }

  leave(id: string): void {
    this.nodes.delete(id);
  }

  cut(from: string, to: string): void {
    this.#cut.add(`${from}>${to}`);
  }

  isolate(id: string): void {
    for (const other of this.nodes.keys()) {
      this.cut(id, other);
      this.cut(other, id);
    }
  }

  heal(): void {
    this.#cut.clear();
  }

  reachable(from: string, to: string): boolean {
    return this.nodes.has(to) && this.nodes.has(from) && !this.#cut.has(`${from}>${to}`);
  }
}

export class MemoryInterconnect implements Interconnect {
  readonly self: PeerIdentity;
  readonly #requests = new Map<string, RequestHandler>();
  readonly #messages = new Map<string, MessageHandler>();

  constructor(
    private readonly network: MemoryNetwork,
    private readonly id: string,
    incarnation: string,
  ) {
    this.self = { name: `node:${id}`, kind: 'node', nodeId: id, incarnation };
  }

  async start() {
    return null;
  }

  async stop(): Promise<void> {
    if (this.network.nodes.get(this.id) === this) this.network.leave(this.id);
  }

  setPeer(): void {}

  peers() {
    return [...this.network.nodes.keys()].filter((id) => id !== this.id);
  }

  request<T>(to: string, method: string, payload: unknown, options: RequestOptions): Promise<T> {
    return new Promise<T>((resolve, reject) => {
      const timer = setTimeout(() => reject(new ClusterError('TIMEOUT', `${method} to ${to}`)), options.timeoutMs);
      const finish = (job: () => void) => {
        clearTimeout(timer);
        job();
      };
      if (!this.network.nodes.has(to))
        return finish(() => reject(new ClusterError('UNAVAILABLE', `${to} is not connected`)));
      options.signal?.addEventListener('abort', () => finish(() => reject(new ClusterError('UNAVAILABLE', 'aborted'))));
      const text = JSON.stringify(payload);
      setImmediate(async () => {
        if (!this.network.reachable(this.id, to)) return;
        const answer = await this.network.nodes.get(to)!.answer(method, text, this.self);
        setImmediate(() => {
          if (!this.network.reachable(to, this.id)) return;
          finish(() => (answer.error ? reject(ClusterError.fromJSON(answer.error)) : resolve(answer.result as T)));
        });
      });
    });
  }

  async answer(
    method: string,
    text: string,
    from: PeerIdentity,
  ): Promise<{ result?: unknown; error?: ClusterErrorJson }> {
    try {
      const handler = this.#requests.get(method);
      if (!handler) throw new ClusterError('UNAVAILABLE', `no handler of ${method}`);
      const result = await handler(JSON.parse(text), from);
      return { result: result === undefined ? undefined : JSON.parse(JSON.stringify(result)) };
    } catch (error) {
      if (isClusterError(error)) return { error: error.toJSON() };
      return { error: { code: 'INTERNAL', message: String(error) } };
    }
  }

  send(to: string, method: string, payload: unknown): void {
    const text = JSON.stringify(payload);
    setImmediate(() => {
      if (!this.network.reachable(this.id, to)) return;
      this.network.nodes.get(to)!.deliver(method, text, this.self);
    });
  }

  deliver(method: string, text: string, from: PeerIdentity): void {
    this.#messages.get(method)?.(JSON.parse(text), from);
  }

  openStream() {
    return { close() {} };
  }

  onRequest(method: string, handler: RequestHandler): void {
    this.#requests.set(method, handler);
  }

  onMessage(method: string, handler: MessageHandler): void {
    this.#messages.set(method, handler);
  }

  onStream(): void {}

  onPeerState(): () => void {
    return () => undefined;
  }

  linkStatus() {
    return [];
  }
}
