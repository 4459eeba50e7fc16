/**
 * How a console server, router or launcher reaches the agents: a client-only interconnect that picks a node and, where that is safe, the
 * next one. Invariant: a request that may have been executed is sent again only if it is a read.
 */
import { delay } from '../kernel/async';
import { ClusterError, isClusterError } from '../kernel/errors';
import type { NodeId } from '../kernel/ids';
import type { Logger } from '../kernel/log';
import type { EngineMethod, EngineParams, EngineResult, EngineStreams } from '../runtime/engine-api';
import type { PeerAddress, PeerLinkStatus } from './api';
import { isRead } from './engine-methods';
import { ReopeningStream } from './reopening-stream';
import { SeedAddresses } from './seed-addresses';
import { TcpInterconnect } from './tcp-interconnect';
import type { TlsFiles } from './tls';

export type EngineNode = { readonly nodeId: NodeId } & PeerAddress;

export type EngineConnectionOptions = {
  readonly kind: 'console' | 'router' | 'launcher';
  /** Distinguishes clients of one kind: a uuid for consoles, the host for routers. */
  readonly name: string;
  readonly clusterId: string;
  readonly secret: string;
  readonly seeds: readonly EngineNode[];
  readonly tls?: TlsFiles;
  readonly logger: Logger;
};

export type EngineStreamOptions<S extends keyof EngineStreams> = {
  readonly onItem: (item: EngineStreams[S]['item'], from: NodeId) => void;
  /** The stream was lost and is open again, perhaps at another node; answer new params to go on where it stopped. */
  readonly onReopen?: (node: NodeId) => EngineStreams[S]['params'] | undefined;
  /** The stream is down since now (true) or up again (false); for the "connection lost" banner. */
  readonly onInterrupted?: (interrupted: boolean, reason: string) => void;
  /** Only this node; default: any connected one, the preferred one first. */
  readonly node?: NodeId;
};

/** Pause between rounds over all nodes while none can answer (an election, a restart). */
const roundPauseMs = 40;
/** A node that was only just made known gets this long to be connected before it counts as unreachable. */
const firstContactMs = 1000;
/** A node that let a question run out of time is asked last for so long: a frozen one stays connected for a while. */
const silentMs = 5_000;
/** A node that is dialled on demand stays connected this long after the last question, at least. */
const keptAfterAskingMs = 5 * 60_000;

export class EngineConnection {
  readonly #interconnect: TcpInterconnect;
  readonly #logger: Logger;
  readonly #connectWaiters = new Set<() => void>();
  readonly #closers = new Set<() => void>();
  readonly #knownSince = new Map<NodeId, number>();
  /** Known, but not kept connected. */
  readonly #onDemand = new Map<NodeId, PeerAddress>();
  /** When something was last asked of a node that is dialled on demand. */
  readonly #askedAt = new Map<NodeId, number>();
  readonly #seeds: SeedAddresses;
  #preferred: NodeId | null = null;
  /** When a node last let a question run out of time. */
  readonly #silentSince = new Map<NodeId, number>();
  #stopped = false;

  constructor(options: EngineConnectionOptions) {
    this.#logger = options.logger;
    this.#seeds = new SeedAddresses(options.seeds);
    this.#interconnect = new TcpInterconnect({
      self: { name: `${options.kind}:${options.name}`, kind: options.kind, nodeId: null, incarnation: null },
      clusterId: options.clusterId,
      secret: options.secret,
      listen: null,
      tls: options.tls,
      logger: options.logger,
    });
    this.#interconnect.onPeerState((_peer, connected) => {
      if (connected) this.#wakeWaiters();
    });
    for (const { nodeId, host, port } of options.seeds) {
      this.#knownSince.set(nodeId, performance.now());
      this.#interconnect.setPeer(nodeId, { host, port });
    }
  }

  async start(): Promise<void> {
    const now = performance.now();
    for (const node of this.#knownSince.keys()) this.#knownSince.set(node, now);
    await this.#interconnect.start();
  }

  async stop(): Promise<void> {
    this.#stopped = true;
    for (const close of [...this.#closers]) close();
    await this.#interconnect.stop();
    this.#wakeWaiters();
  }

  /**
   * The nodes as the control store knows them now; those left out are forgotten. With `keep` only these are kept connected, and the others are
   * dialled when something is asked of them.
   */
  setNodes(nodes: readonly EngineNode[], keep: ReadonlySet<NodeId> | null = null): void {
    this.#onDemand.clear();
    const wanted = new Map<NodeId, PeerAddress>();
    for (const { nodeId, host, port } of nodes) {
      const address = this.#seeds.addressOf(nodeId, { host, port });
      if (keep === null || keep.has(nodeId) || this.#askedLately(nodeId)) wanted.set(nodeId, address);
      else this.#onDemand.set(nodeId, address);
    }
    for (const known of this.#interconnect.peers()) {
      if (wanted.has(known)) continue;
      this.#knownSince.delete(known);
      this.#interconnect.setPeer(known, null);
    }
    for (const [nodeId, address] of wanted) this.#dial(nodeId, address);
  }

  #dial(node: NodeId, address: PeerAddress): void {
    if (!this.#knownSince.has(node)) this.#knownSince.set(node, performance.now());
    this.#interconnect.setPeer(node, address);
  }

  #askedLately(node: NodeId): boolean {
    const at = this.#askedAt.get(node);
    if (at === undefined || performance.now() - at < keptAfterAskingMs) return at !== undefined;
    this.#askedAt.delete(node);
    return false;
  }

  /** A node that is dialled on demand is dialled now, and kept for a while. */
  #demand(node: NodeId): void {
    const address = this.#onDemand.get(node);
    if (address === undefined && !this.#askedAt.has(node)) return;
    this.#askedAt.set(node, performance.now());
    if (address === undefined) return;
    this.#onDemand.delete(node);
    this.#dial(node, address);
  }

  nodes(): readonly NodeId[] {
    return [...this.#interconnect.peers(), ...this.#onDemand.keys()];
  }

  connectedNodes(): readonly NodeId[] {
    return this.#interconnect.connectedPeers();
  }

  /** Saves the forwarding hop; who leads is known from the view. A wrong hint costs that hop and nothing else. */
  preferLeader(node: NodeId | null): void {
    this.#preferred = node;
  }

  onNodeState(callback: (node: NodeId, connected: boolean) => void): () => void {
    return this.#interconnect.onPeerState((peer, connected) => {
      if (peer.nodeId !== null) callback(peer.nodeId, connected);
    });
  }

  linkStatus(): readonly PeerLinkStatus[] {
    return this.#interconnect.linkStatus();
  }

  /** @throws ClusterError UNAVAILABLE (CLU_NODE_UNREACHABLE) at once when the node is not connected; TIMEOUT; the handler's error. */
  async requestNode<M extends EngineMethod>(
    node: NodeId,
    method: M,
    params: EngineParams<M>,
    timeoutMs: number,
  ): Promise<EngineResult<M>> {
    this.#demand(node);
    const firstContactLeft = (this.#knownSince.get(node) ?? 0) + firstContactMs - performance.now();
    if (firstContactLeft > 0) await this.#waitForConnection(node, Math.min(timeoutMs, firstContactLeft));
    try {
      return await this.#interconnect.request<EngineResult<M>>(node, wireName(method), params, { timeoutMs });
    } catch (error) {
      throw mayHaveRun(error) && !isRead(method) ? unknownOutcome(method, error) : error;
    }
  }

  /**
   * Any connected agent will do: it forwards to the leader. Tries the next node while time is left, as long as the request surely was not
   * executed or is a read. @throws ClusterError TIMEOUT, UNAVAILABLE, the handler's error
   */
  async requestLeader<M extends EngineMethod>(
    method: M,
    params: EngineParams<M>,
    timeoutMs: number,
  ): Promise<EngineResult<M>> {
    const deadline = performance.now() + timeoutMs;
    let last: unknown = null;
    for (;;) {
      if (this.#stopped) throw new ClusterError('UNAVAILABLE', `${method}: this connection is stopped`);
      for (const node of this.#order()) {
        const left = deadline - performance.now();
        if (left <= 0) throw timedOut(method, timeoutMs, last);
        try {
          // A read may be tried elsewhere, so one frozen node must not use up all the time.
          const share =
            isRead(method) && this.connectedNodes().length > 1 ? Math.max(left / 2, Math.min(left, 250)) : left;
          const result = await this.#interconnect.request<EngineResult<M>>(node, wireName(method), params, {
            timeoutMs: share,
          });
          this.#preferred = node;
          this.#silentSince.delete(node);
          return result;
        } catch (error) {
          if (isClusterError(error) && error.code === 'TIMEOUT') this.#silentSince.set(node, performance.now());
          if (!this.#tryNext(method, error)) throw mayHaveRun(error) ? unknownOutcome(method, error) : error;
          if (this.#preferred === node) this.#preferred = null;
          this.#followHint(error);
          last = error;
        }
      }
      const left = deadline - performance.now();
      if (left <= 0) throw timedOut(method, timeoutMs, last);
      if (this.connectedNodes().length === 0) await this.#waitForConnection(null, left);
      else await delay(Math.min(left, roundPauseMs));
    }
  }

  /** Survives the loss of the node: opens again at the next one. `close()` ends it for good. */
  openStream<S extends keyof EngineStreams>(
    stream: S,
    params: EngineStreams[S]['params'],
    options: EngineStreamOptions<S>,
  ): { close(): void } {
    if (options.node !== undefined) this.#demand(options.node);
    const subscription = new ReopeningStream(
      {
        candidates: () =>
          options.node === undefined ? this.#order() : this.#order().filter((n) => n === options.node),
        connected: (timeoutMs) => this.#waitForConnection(options.node ?? null, timeoutMs),
        open: (node, streamParams, reader) =>
          this.#interconnect.openStream(
            node,
            wireName(stream),
            streamParams,
            reader.onItem,
            reader.onEnd,
            reader.onOpened,
          ),
      },
      params,
      {
        onItem: (item, node) => options.onItem(item as EngineStreams[S]['item'], node),
        onReopen: options.onReopen,
        onInterrupted: options.onInterrupted,
      },
    );
    const close = () => {
      subscription.close();
      this.#closers.delete(close);
    };
    this.#closers.add(close);
    subscription.start();
    return { close };
  }

  #order(): readonly NodeId[] {
    const now = performance.now();
    const isSilent = (node: NodeId) => now - (this.#silentSince.get(node) ?? Number.NEGATIVE_INFINITY) < silentMs;
    const rank = (node: NodeId) => (isSilent(node) ? 2 : node === this.#preferred ? 0 : 1);
    return [...this.connectedNodes()].sort((a, b) => rank(a) - rank(b));
  }

  #tryNext(method: EngineMethod, error: unknown): boolean {
    if (!isClusterError(error)) return false;
    if (error.code !== 'UNAVAILABLE' && error.code !== 'TIMEOUT') return false;
    return isRead(method) || !mayHaveRun(error);
  }

  #followHint(error: unknown): void {
    const leader = isClusterError(error) ? error.details.extra?.leader : undefined;
    if (typeof leader === 'string') this.#preferred = leader;
  }

  /** Null: any node. Resolves at the time-out as well. */
  #waitForConnection(node: NodeId | null, timeoutMs: number): Promise<void> {
    const isUp = () => {
      const connected = this.connectedNodes();
      return this.#stopped || (node === null ? connected.length > 0 : connected.includes(node));
    };
    if (isUp()) return Promise.resolve();
    return new Promise((resolve) => {
      const done = () => {
        clearTimeout(timer);
        this.#connectWaiters.delete(check);
        resolve();
      };
      const check = () => {
        if (isUp()) done();
      };
      const timer = setTimeout(done, timeoutMs);
      this.#connectWaiters.add(check);
    });
  }

  #wakeWaiters(): void {
    for (const wake of [...this.#connectWaiters]) wake();
  }
}

function wireName(method: EngineMethod | keyof EngineStreams): string {
  return `engine.${method}`;
}

/** True: the request left this process (or a forwarding agent) and its outcome is not known. */
function mayHaveRun(error: unknown): boolean {
  if (!isClusterError(error)) return false;
  return error.code === 'TIMEOUT' || error.details.extra?.outcome === 'unknown';
}

function unknownOutcome(method: EngineMethod, error: unknown): ClusterError {
  const why = error instanceof Error ? error.message : String(error);
  return new ClusterError('TIMEOUT', `${method} may or may not have been executed: ${why}`, {
    extra: { outcome: 'unknown' },
  });
}

function timedOut(method: EngineMethod, timeoutMs: number, last: unknown): ClusterError {
  const why = last instanceof Error ? last.message : 'no node is connected';
  const details = isClusterError(last) ? last.details : { clusterCode: 'CLU_NODE_UNREACHABLE' as const };
  const code = isClusterError(last) && last.code === 'TIMEOUT' ? 'TIMEOUT' : 'UNAVAILABLE';
  return new ClusterError(code, `${method}: no node could answer within ${timeoutMs} ms (${why})`, details);
}
