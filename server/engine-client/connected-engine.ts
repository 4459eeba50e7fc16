/**
 * The engine client over a real connection. The view is streamed from the controller; when the stream is down or nobody leads, a node's own
 * replica is asked each second, so pages keep telling what is known, with its age.
 */
import type { ClusterView, NodeView } from '@/engine/cluster/model';
import { mergeView } from '@/engine/cluster/view-delta';
import type { EngineConnection } from '@/engine/interconnect/engine-connection';
import { ClusterError } from '@/engine/kernel/errors';
import { firstAnswer } from '@/engine/kernel/first-answer';
import type { NodeId } from '@/engine/kernel/ids';
import type { Logger } from '@/engine/kernel/log';
import { withTrace } from '@/engine/kernel/traced-request';
import type { EngineMethod, EngineParams, EngineResult, ViewItem } from '@/engine/runtime/engine-api';
import type { CurrentView, EngineClient, EventItem, LeaderMethods, NodeMethods } from './api';
import { EventRing } from './event-ring';

const requestTimeoutMs = 5000;
const localPollMs = 1000;
/** Any node answers what it knows itself in a few ms; one that is silent for so long is not waited for. */
const patienceMs = 250;
/** Without an item for this long the stream is not trusted, whatever the connection says. */
const streamSilenceMs = 2000;
const rehomeEveryMs = 2000;
/** Up to so many nodes a console keeps a connection to each; beyond, to the voters of the control store, and dials the others when they are asked. */
const fewNodes = 32;

export type EngineSeed = { readonly nodeId: NodeId; readonly host: string; readonly port: number };

export class ConnectedEngine implements EngineClient {
  readonly #viewListeners = new Set<() => void>();
  readonly #eventListeners = new Set<(item: EventItem) => void>();
  readonly #ring = new EventRing();
  #view: ClusterView | null = null;
  #live = false;
  #confirmedAt = 0;
  #viewStream: { close(): void } | null = null;
  #eventStream: { close(): void } | null = null;
  #poll: ReturnType<typeof setInterval> | null = null;
  #polling = false;
  #rehomedAt = Number.NEGATIVE_INFINITY;
  /** The node whose view stream is open, once it has sent its whole view. */
  #streamNode: NodeId | null = null;
  /** Who led when the event stream was opened. */
  #eventLeader: NodeId | null = null;
  #stopped = false;
  /** Who answered last what any node can. */
  #answering: NodeId | null = null;
  #knownNodes = '';
  #followed: ClusterView['nodes'] | null = null;

  constructor(
    private readonly connection: EngineConnection,
    private readonly seeds: readonly EngineSeed[],
    private readonly logger: Logger,
  ) {}

  async start(): Promise<void> {
    await this.connection.start();
    this.#openViewStream();
    this.#openEventStream();
    this.#poll = setInterval(() => void this.#askForView(), localPollMs);
  }

  async stop(): Promise<void> {
    this.#stopped = true;
    if (this.#poll) clearInterval(this.#poll);
    this.#viewStream?.close();
    this.#eventStream?.close();
    await this.connection.stop();
  }

  current(): CurrentView {
    if (this.#view === null) {
      throw new ClusterError('UNAVAILABLE', 'No node has answered yet', { clusterCode: 'CLU_NODE_UNREACHABLE' });
    }
    return { view: this.#view, ageMs: performance.now() - this.#confirmedAt, live: this.#live };
  }

  onView(callback: () => void): () => void {
    this.#viewListeners.add(callback);
    return () => this.#viewListeners.delete(callback);
  }

  eventsSince(after: string | null): readonly EventItem[] {
    return this.#ring.since(after);
  }

  onEvent(callback: (item: EventItem) => void): () => void {
    this.#eventListeners.add(callback);
    return () => this.#eventListeners.delete(callback);
  }

  connectedNodes(): readonly NodeId[] {
    return this.connection.connectedNodes();
  }

  leader<M extends LeaderMethods>(
    method: M,
    params: EngineParams<M>,
    timeoutMs = requestTimeoutMs,
  ): Promise<EngineResult<M>> {
    return this.connection.requestLeader(method, withTrace(params), timeoutMs);
  }

  node<M extends NodeMethods>(
    node: NodeId,
    method: M,
    params: EngineParams<M>,
    timeoutMs = requestTimeoutMs,
  ): Promise<EngineResult<M>> {
    return this.connection.requestNode(node, method, withTrace(params), timeoutMs);
  }

  async anyNode<M extends NodeMethods>(
    method: M,
    params: EngineParams<M>,
    timeoutMs = requestTimeoutMs,
  ): Promise<EngineResult<M>> {
    const nodes = this.connectedNodes();
    const answered = nodes.filter((node) => node === this.#answering);
    const order = [...answered, ...nodes.filter((node) => node !== this.#answering)].slice(0, 5);
    const ask = (node: string) => this.connection.requestNode(node, method, withTrace(params), timeoutMs);
    // A frozen node stays connected for a while: it must not hold up what any other can answer.
    const { from, value } = await firstAnswer(order, ask, patienceMs, () => unreachableNodes(method));
    this.#answering = from;
    return value;
  }

  #openEventStream(): void {
    this.#eventStream?.close();
    // From the start everything that is still buffered, so that a client can go on after a restart of this console.
    const params = () => ({ after: this.#ring.last ?? '0' });
    this.#eventStream = this.connection.openStream('event.stream', params(), {
      onItem: (item) => this.#takeEvent(item),
      onReopen: params,
    });
  }

  #openViewStream(): void {
    this.#viewStream?.close();
    this.#streamNode = null;
    this.#viewStream = this.connection.openStream(
      'view.stream',
      {},
      {
        onItem: (item, from) => this.#takeView(item, from),
        onInterrupted: (interrupted, reason) => {
          if (interrupted) this.logger.warn({ reason }, 'the view stream is interrupted');
          if (interrupted) this.#live = false;
        },
      },
    );
  }

  #takeView(item: ViewItem, from: NodeId): void {
    if (item.kind === 'full') this.#streamNode = from;
    // Another node's view stands here meanwhile: its parts and these do not belong together.
    else if (this.#view?.servedBy !== from) return;
    const merged = mergeView(this.#view, item);
    if (merged === null) return;
    this.#accept(merged, merged.servedBy === merged.raft.leader && merged.raft.hasQuorum);
  }

  /** Streams of a node that no longer leads stay open and say nothing: go to who leads. */
  #followLeader(leader: NodeId): void {
    this.connection.preferLeader(leader);
    if (!this.connectedNodes().includes(leader) || performance.now() - this.#rehomedAt < rehomeEveryMs) return;
    const elsewhere = this.#streamNode !== null && this.#streamNode !== leader;
    if (!elsewhere && this.#eventLeader === leader) return;
    this.#rehomedAt = performance.now();
    const eventsElsewhere = this.#eventLeader !== null && this.#eventLeader !== leader;
    this.#eventLeader = leader;
    queueMicrotask(() => {
      if (this.#stopped) return;
      if (elsewhere) this.#openViewStream();
      if (eventsElsewhere) this.#openEventStream();
    });
  }

  #accept(view: ClusterView, live: boolean): void {
    this.#view = view;
    this.#live = live;
    this.#confirmedAt = performance.now();
    this.#follow(view);
    if (view.raft.leader !== null) this.#followLeader(view.raft.leader);
    for (const listener of [...this.#viewListeners]) listener();
  }

  /** Nodes that came or went since the seeds were written down. */
  #follow(view: ClusterView): void {
    // Most changes are of reports: records keep their addresses.
    const before = this.#followed;
    this.#followed = view.nodes;
    if (
      before !== null &&
      view.nodes.length === before.length &&
      view.nodes.every((node, at) => sameAddress(node, before[at]))
    )
      return;
    const nodes = new Map(this.seeds.map((seed) => [seed.nodeId, seed]));
    for (const { record } of view.nodes) {
      nodes.set(record.id, { nodeId: record.id, host: record.host, port: record.agentPort });
    }
    const key = JSON.stringify([...nodes.values()]);
    if (key === this.#knownNodes) return;
    this.#knownNodes = key;
    const voters = view.raft.configuration.voters.map((voter) => voter.id);
    this.connection.setNodes([...nodes.values()], nodes.size > fewNodes ? new Set(voters) : null);
  }

  async #askForView(): Promise<void> {
    if (this.#polling || performance.now() - this.#confirmedAt < streamSilenceMs) return;
    this.#polling = true;
    try {
      // Silence may only mean that nothing changed: whoever leads says so.
      const led = await this.leader('view.get', {}, 1000).catch(() => null);
      if (led) this.#accept(led, led.raft.hasQuorum);
      else this.#accept(await this.anyNode('view.local', {}, 1500), false);
    } catch (error) {
      this.#nobodyAnswers();
      this.logger.debug({ err: error }, 'no node tells its view');
    } finally {
      this.#polling = false;
    }
  }

  /** What was last known stays, with its age; who led then leads nobody who answers now. */
  #nobodyAnswers(): void {
    const wasLive = this.#live;
    this.#live = false;
    const view = this.#view;
    if (view === null || (!wasLive && view.raft.leader === null)) return;
    this.#view = { ...view, raft: { ...view.raft, leader: null, hasQuorum: false } };
    for (const listener of [...this.#viewListeners]) listener();
  }

  #takeEvent(item: EventItem): void {
    if (item.kind === 'gap' && this.#ring.last === null) {
      // What was before this console's time is a floor, and a loss only for who goes on from before it: from '0' says so.
      this.#ring.setFloor(item.to);
      for (const listener of [...this.#eventListeners]) listener({ ...item, from: '0' });
      return;
    }
    if (!this.#ring.push(item)) return;
    for (const listener of [...this.#eventListeners]) listener(item);
  }
}

function sameAddress({ record: a }: NodeView, b: NodeView | undefined): boolean {
  return a.id === b?.record.id && a.host === b.record.host && a.agentPort === b.record.agentPort;
}

function unreachableNodes(method: EngineMethod): ClusterError {
  return new ClusterError('UNAVAILABLE', `${method}: no node is connected`, { clusterCode: 'CLU_NODE_UNREACHABLE' });
}
