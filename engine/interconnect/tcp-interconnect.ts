/**
 * The interconnect over TCP: one outgoing connection per known node (our requests), one accepted connection per peer (theirs). Composition
 * only: dialling, listening, framing and faults each have their own file. Invariant: nothing here blocks on a peer.
 */
import { ClusterError } from '../kernel/errors';
import type { NodeId } from '../kernel/ids';
import type { Logger } from '../kernel/log';
import { announcedLevel, announcedRelease, firstLevel } from '../kernel/release';
import { Acceptor } from './acceptor';
import type {
  Fault,
  FaultInjector,
  Interconnect,
  MessageHandler,
  PeerAddress,
  PeerIdentity,
  PeerLinkStatus,
  RequestHandler,
  RequestOptions,
  StreamHandler,
} from './api';
import { encode, notConnected, refusal, type StreamReader } from './caller';
import type { HandshakeShell } from './connection';
import { Dialer } from './dialer';
import { FaultState } from './fault-state';
import { Handlers } from './handlers';
import { defaultLimits, type InterconnectLimits } from './limits';
import { newCounters } from './link';
import { Loopback } from './loopback';
import { readTlsFiles, type TlsFiles, type TlsMaterial } from './tls';

export type TcpInterconnectOptions = {
  readonly self: PeerIdentity;
  readonly clusterId: string;
  readonly secret: string;
  /** Null: a client that only connects out. */
  readonly listen: PeerAddress | null;
  readonly tls?: TlsFiles;
  readonly logger: Logger;
  /** For drop and jitter faults and for the backoff's jitter. */
  readonly random?: () => number;
  readonly limits?: Partial<InterconnectLimits>;
};

export class TcpInterconnect implements Interconnect, FaultInjector {
  readonly self: PeerIdentity;
  readonly #options: TcpInterconnectOptions;
  readonly #limits: InterconnectLimits;
  readonly #random: () => number;
  readonly #handlers = new Handlers();
  readonly #faultState = new FaultState('interconnect');
  readonly #dialers = new Map<NodeId, Dialer>();
  readonly #stateListeners = new Set<(peer: PeerIdentity, connected: boolean) => void>();
  readonly #shell: HandshakeShell;
  readonly #loopback: Loopback;
  #tls: TlsMaterial | null = null;
  #acceptor: Acceptor | null = null;
  #timer: ReturnType<typeof setInterval> | null = null;
  #lastTick = 0;
  #running = false;
  #minimumLevel = firstLevel;

  constructor(options: TcpInterconnectOptions) {
    if (options.secret.length < 16)
      throw new ClusterError('INVALID_INPUT', 'the cluster secret has fewer than 16 characters');
    this.self = options.self;
    this.#options = options;
    this.#limits = { ...defaultLimits, ...options.limits };
    this.#random = options.random ?? Math.random;
    this.#shell = {
      context: {
        self: options.self,
        clusterId: options.clusterId,
        secret: options.secret,
        minimumLevel: () => this.#minimumLevel,
      },
      limits: this.#limits,
      faults: this.#faultState,
    };
    this.#loopback = new Loopback(options.self, this.#handlers, options.logger);
  }

  async start(): Promise<PeerAddress | null> {
    this.#tls = this.#options.tls === undefined ? null : readTlsFiles(this.#options.tls);
    let address: PeerAddress | null = null;
    if (this.#options.listen !== null) {
      this.#acceptor = this.#newAcceptor();
      address = await this.#acceptor.listen(this.#options.listen);
    }
    this.#running = true;
    this.#lastTick = performance.now();
    this.#timer = setInterval(() => this.#tick(), this.#limits.pingMs);
    for (const dialer of this.#dialers.values()) dialer.start();
    return address;
  }

  async stop(): Promise<void> {
    this.#running = false;
    if (this.#timer !== null) clearInterval(this.#timer);
    this.#timer = null;
    for (const dialer of this.#dialers.values()) dialer.stop();
    this.#dialers.clear();
    await this.#acceptor?.stop();
    this.#acceptor = null;
    this.#faultState.stop();
  }

  setPeer(id: NodeId, address: PeerAddress | null): void {
    if (id === this.self.nodeId) return;
    const existing = this.#dialers.get(id);
    if (address === null) {
      this.#dialers.delete(id);
      existing?.stop();
      return;
    }
    if (existing !== undefined) {
      existing.setAddress(address);
      return;
    }
    const dialer = new Dialer(id, address, {
      shell: this.#shell,
      tls: () => this.#tls,
      logger: this.#options.logger,
      random: this.#random,
      onState: (source, connected) => {
        if (source.link !== null) this.#lastIdentity.set(source, source.link.remote);
        const identity = this.#lastIdentity.get(source);
        if (identity !== undefined) this.#announce(identity, connected);
      },
    });
    this.#dialers.set(id, dialer);
    if (this.#running) dialer.start();
  }

  readonly #lastIdentity = new WeakMap<Dialer, PeerIdentity>();

  peers(): readonly NodeId[] {
    return [...this.#dialers.keys()];
  }

  /** Nodes that can be asked right now. */
  connectedPeers(): readonly NodeId[] {
    return [...this.#dialers.values()].filter((dialer) => dialer.link !== null).map((dialer) => dialer.node);
  }

  request<T = unknown>(to: NodeId, method: string, payload: unknown, options: RequestOptions): Promise<T> {
    if (to === this.self.nodeId) return this.#loopback.request<T>(method, payload, options);
    const caller = this.#dialers.get(to)?.caller;
    if (caller === undefined || caller === null) return Promise.reject(notConnected(to));
    return caller.request<T>(method, payload, options);
  }

  send(to: NodeId, method: string, payload: unknown): void {
    if (to === this.self.nodeId) {
      this.#loopback.send(method, payload);
      return;
    }
    const dialer = this.#dialers.get(to);
    if (dialer === undefined) return;
    if (dialer.link === null) {
      dialer.counters.droppedMessages++;
      return;
    }
    const result = dialer.link.send({ type: 'message', id: 0, method, body: encode(payload) }, 'queued');
    // A payload that can never be sent is a mistake, not a full queue: it must be seen, but must not take a protocol down.
    if (result === 'too_large') this.#options.logger.error({ peer: to, method }, refusal(result, to, method).message);
  }

  openStream(
    to: NodeId,
    method: string,
    payload: unknown,
    onItem: (item: unknown) => void,
    onEnd: (error: Error | null) => void,
    onOpened?: () => void,
  ): { close(): void } {
    const reader: StreamReader = { onItem, onEnd, onOpened };
    if (to === this.self.nodeId) return this.#loopback.openStream(method, payload, reader);
    const caller = this.#dialers.get(to)?.caller;
    if (caller === undefined || caller === null) {
      queueMicrotask(() => onEnd(notConnected(to)));
      return { close: () => undefined };
    }
    return caller.openStream(method, payload, reader);
  }

  onRequest(method: string, handler: RequestHandler): void {
    this.#handlers.onRequest(method, handler);
  }

  onMessage(method: string, handler: MessageHandler): void {
    this.#handlers.onMessage(method, handler);
  }

  onStream(method: string, handler: StreamHandler): void {
    this.#handlers.onStream(method, handler);
  }

  /** Nodes: whether we can ask them. Clients: whether they are connected to us. */
  onPeerState(callback: (peer: PeerIdentity, connected: boolean) => void): () => void {
    this.#stateListeners.add(callback);
    return () => this.#stateListeners.delete(callback);
  }

  linkStatus(of: ReadonlySet<NodeId> | null = null): readonly PeerLinkStatus[] {
    const now = performance.now();
    const dialers = [...this.#dialers.values()].filter((dialer) => of === null || of.has(dialer.node));
    return dialers.map((dialer) => {
      const { counters } = dialer;
      return {
        peer: dialer.node,
        connected: dialer.link !== null,
        rttUs: dialer.rtt.summary(),
        lastHeardMs: counters.lastHeardAt === null ? null : Math.round(now - counters.lastHeardAt),
        phi: dialer.phi.phi(now),
        sentMessages: counters.sentMessages,
        receivedMessages: counters.receivedMessages,
        sentBytes: counters.sentBytes,
        receivedBytes: counters.receivedBytes,
        queuedBytes: dialer.link?.queuedBytes ?? 0,
        droppedMessages: counters.droppedMessages,
        reconnects: dialer.reconnects,
        lostPings: dialer.rtt.lost,
      };
    });
  }

  clients(): readonly PeerIdentity[] {
    return [...(this.#acceptor?.links ?? [])].map((link) => link.remote).filter((remote) => remote.nodeId === null);
  }

  /** Only rises. */
  setMinimumLevel(level: number): void {
    if (level <= this.#minimumLevel) return;
    this.#minimumLevel = level;
    const links = [...(this.#acceptor?.links ?? []), ...[...this.#dialers.values()].flatMap(({ link }) => link ?? [])];
    for (const link of links) {
      if (announcedLevel(link.remote) < level)
        link.close(`it runs release ${announcedRelease(link.remote)}, and the cluster is at level ${level}`);
    }
  }

  setFaults(faults: readonly Fault[]): void {
    this.#faultState.set(faults);
  }

  faults(): readonly Fault[] {
    return this.#faultState.active();
  }

  #newAcceptor(): Acceptor {
    return new Acceptor({
      shell: this.#shell,
      tls: this.#tls,
      handlers: this.#handlers,
      logger: this.#options.logger,
      random: this.#random,
      countersFor: (remote) => this.#dialerOf(remote)?.counters ?? newCounters(),
      onHeard: (remote, now) => this.#dialerOf(remote)?.heard(now),
      onState: (remote, connected) => {
        if (remote.nodeId === null) this.#announce(remote, connected);
        else if (connected) this.#dialerOf(remote)?.kick();
      },
    });
  }

  #dialerOf(remote: PeerIdentity): Dialer | undefined {
    return remote.nodeId === null ? undefined : this.#dialers.get(remote.nodeId);
  }

  #announce(peer: PeerIdentity, connected: boolean): void {
    for (const listener of [...this.#stateListeners]) listener(peer, connected);
  }

  /** One timer for all links: pings, and the end of those on which nothing was heard. */
  #tick(): void {
    const now = performance.now();
    // We stood still ourselves (SIGSTOP, a blocked loop): what was said meanwhile is still unread, so silence proves nothing yet.
    const stalled = now - this.#lastTick > 1.5 * this.#limits.pingMs;
    this.#lastTick = now;
    const links = [...(this.#acceptor?.links ?? [])];
    for (const dialer of this.#dialers.values()) {
      dialer.ping(now);
      if (dialer.link !== null) links.push(dialer.link);
    }
    for (const link of links) {
      if (stalled) link.heardAt = now;
      else if (now - link.heardAt > this.#limits.silenceMs)
        link.close(`nothing heard for ${this.#limits.silenceMs} ms`);
    }
  }
}
