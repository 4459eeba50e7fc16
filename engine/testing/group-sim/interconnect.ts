/**
 * The interconnect of one process over the simulated network: what the real one promises (a request ends once: answered, refused or timed out; order
 * per peer) and nothing more. A dead process refuses at once, a cut link swallows until its silence is noticed.
 */
import type {
  Interconnect,
  MessageHandler,
  PeerAddress,
  PeerIdentity,
  PeerLinkStatus,
  RequestHandler,
  RequestOptions,
} from '../../interconnect/api';
import { ClusterError, type ClusterErrorJson, isClusterError } from '../../kernel/errors';
import type { Loop } from '../../kernel/loop';
import type { Process } from './event-queue';
import type { World } from './world';

/** A link on which nothing was heard for this long is known to be broken (the real one: 5 s at most). */
const silenceMs = 3_000;

export class Exchange {
  /** The process that listens at each host now. */
  readonly listening = new Map<string, SimInterconnect>();
}

export class SimInterconnect implements Interconnect {
  readonly #requests = new Map<string, RequestHandler>();
  readonly #messages = new Map<string, MessageHandler>();
  readonly #peers = new Set<string>();
  readonly #heard = new Map<string, number>();

  constructor(
    private readonly world: World,
    private readonly exchange: Exchange,
    private readonly process: Process,
    private readonly loop: Loop,
    readonly self: PeerIdentity,
    private readonly host: string,
  ) {}

  async start(): Promise<null> {
    this.exchange.listening.set(this.host, this);
    return null;
  }
  async stop(): Promise<void> {
    if (this.exchange.listening.get(this.host) === this) this.exchange.listening.delete(this.host);
  }
  setPeer(id: string, address: PeerAddress | null): void {
    if (address) this.#peers.add(id);
    else this.#peers.delete(id);
  }
  peers(): readonly string[] {
    return [...this.#peers];
  }

  #receiver(to: string): SimInterconnect | null {
    return this.exchange.listening.get(to) ?? null;
  }
  #known(to: string): 'broken' | 'refused' | 'open' {
    const { network } = this.world;
    if (Math.max(network.cutForMs(this.host, to), network.cutForMs(to, this.host)) > silenceMs) return 'broken';
    if (!network.both(this.host, to)) return 'open';
    return this.#receiver(to)?.process.alive === true ? 'open' : 'refused';
  }

  request<T>(to: string, method: string, payload: unknown, options: RequestOptions): Promise<T> {
    return new Promise<T>((resolve, reject) => {
      if (!this.process.alive) return;
      let ended = false;
      const finish = (job: () => void): void => {
        if (ended) return;
        ended = true;
        timer.cancel();
        options.signal?.removeEventListener('abort', aborted);
        job();
      };
      const aborted = (): void => finish(() => reject(new ClusterError('UNAVAILABLE', `${method} to ${to}: aborted`)));
      const timer = this.loop.after(options.timeoutMs, () =>
        finish(() => reject(new ClusterError('TIMEOUT', `${to} did not answer ${method} in ${options.timeoutMs} ms`))),
      );
      if (options.signal?.aborted) return aborted();
      options.signal?.addEventListener('abort', aborted, { once: true });
      if (this.#known(to) !== 'open') {
        this.loop.after(1, () => finish(() => reject(new ClusterError('UNAVAILABLE', `${to} is not connected`))));
        return;
      }
      const answer = (result: { value?: unknown; error?: ClusterErrorJson }): void =>
        this.world.send(
          to,
          this.host,
          () => this.process,
          () => {
            this.world.queue.touch();
            this.#heard.set(to, this.world.now);
            finish(() => (result.error ? reject(ClusterError.fromJSON(result.error)) : resolve(result.value as T)));
          },
          this.self.name,
          this.world.network.heldMs(`answer to ${method}`, payload, to, this.host),
        );
      const asked = this.#receiver(to);
      this.world.send(
        this.host,
        to,
        () => this.#receiver(to)?.process ?? null,
        () => this.#receiver(to)?.serve(method, payload, this.self, answer),
        this.self.name,
        this.world.network.heldMs(method, payload, this.host, to),
      );
      /* With its connection a request ends: who died never answers. */
      const watch = (): void =>
        this.world.queue.after(silenceMs, this.process, () => {
          if (ended) return;
          if (this.#receiver(to) === asked && asked?.process.alive) return watch();
          finish(() => reject(new ClusterError('UNAVAILABLE', `the connection to ${to} was lost`)));
        });
      watch();
    });
  }

  /** Answers only while this process lives: what a dead one had in hand is never told. */
  serve(
    method: string,
    payload: unknown,
    from: PeerIdentity,
    answer: (result: { value?: unknown; error?: ClusterErrorJson }) => void,
  ): void {
    this.world.queue.touch();
    if (from.nodeId) this.#heard.set(from.nodeId, this.world.now);
    const tell = (result: { value?: unknown; error?: ClusterErrorJson }): void => {
      if (this.process.alive) answer(result);
    };
    const failed = (error: unknown): void => {
      if (isClusterError(error)) tell({ error: error.toJSON() });
      else tell({ error: { code: 'INTERNAL', message: error instanceof Error ? error.message : String(error) } });
    };
    try {
      const handler = this.#requests.get(method);
      if (!handler) throw new ClusterError('UNAVAILABLE', `${this.host} does not serve ${method} yet`);
      Promise.resolve(handler(payload, from)).then((value) => {
        this.#overheard(method, payload, from, value);
        tell({ value });
      }, failed);
    } catch (error) {
      failed(error);
    }
  }

  /** What the checker must know of leases: who was told, when, that it may go on. */
  #overheard(method: string, payload: unknown, from: PeerIdentity, value: unknown): void {
    if (method === 'store.renew') {
      const { epoch } = payload as { epoch: number };
      const result = value as { ok?: boolean; leaseMs?: number };
      if (result?.ok && from.nodeId) this.world.checker.renewed(from.nodeId, epoch, result.leaseMs ?? 2000);
    }
    if (method === 'agent.confirmEpoch') {
      const { holder, epoch, holdMs } = payload as { holder: string; epoch: number; holdMs: number };
      if ((value as { confirmed: boolean }).confirmed) this.world.checker.confirmed(this.host, holder, epoch, holdMs);
    }
  }

  send(to: string, method: string, payload: unknown): void {
    if (!this.process.alive || this.#known(to) !== 'open') return;
    this.world.send(
      this.host,
      to,
      () => this.#receiver(to)?.process ?? null,
      () => this.#receiver(to)?.deliver(method, payload, this.self),
      this.self.name,
    );
  }
  deliver(method: string, payload: unknown, from: PeerIdentity): void {
    this.world.queue.touch();
    if (from.nodeId) this.#heard.set(from.nodeId, this.world.now);
    this.#messages.get(method)?.(payload, from);
  }

  openStream(): { close(): void } {
    return { close: () => undefined };
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
  linkStatus(of?: ReadonlySet<string> | null): readonly PeerLinkStatus[] {
    return [...this.#peers]
      .filter((peer) => !of || of.has(peer))
      .map((peer) => {
        const heard = this.#heard.get(peer);
        return {
          peer,
          connected: this.#known(peer) === 'open',
          rttUs: null,
          lastHeardMs: heard === undefined ? null : this.world.now - heard,
          phi: null,
          sentMessages: 0,
          receivedMessages: 0,
          sentBytes: 0,
          receivedBytes: 0,
          queuedBytes: 0,
          droppedMessages: 0,
          reconnects: 0,
        };
      });
  }
}
