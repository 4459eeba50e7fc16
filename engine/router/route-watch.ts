/**
 * Keeps what the agents say about each group: asks the believed primary every 250 ms, the others and idle groups
 * more rarely, all at once on a hint.
 * Invariant: a deadline counts from before the question left; answers that overtake each other never make older knowledge win.
 */
import type { ClusterConfig, GroupRecord, NodeRecord } from '../cluster/model';
import { messageOf } from '../kernel/errors';
import type { Epoch, GroupName, MonotonicMs, NodeId } from '../kernel/ids';
import type { Logger } from '../kernel/log';
import type { AgentLink } from './agent-link';
import { readClocks } from './clock';
import {
  applyAnswer,
  believedPrimary,
  emptyRoutes,
  type GroupRoutes,
  isPast,
  keepNodes,
  noteEpoch,
} from './core/admission';
import type { RouterLimits } from './limits';

export type RouterPolicy = Pick<ClusterConfig, 'routerHoldMs' | 'readMaxLagMs' | 'loadBalancer'>;

const defaultPolicy: RouterPolicy = {
  routerHoldMs: 15_000,
  readMaxLagMs: 10_000,
  loadBalancer: { strategy: 'round_robin', weights: {} },
};

type NodeAsk = { inFlight: number; lastSent: MonotonicMs };

/** Two questions at once per node: a hint must not wait behind one that hangs. */
const maxInFlight = 2;

export class RouteWatch {
  readonly #routes = new Map<GroupName, GroupRoutes>();
  readonly #asks = new Map<NodeId, NodeAsk>();
  readonly #streams = new Map<NodeId, { close(): void }>();
  readonly #deadlines = new Map<GroupName, { readonly at: MonotonicMs; readonly timer: NodeJS.Timeout }>();
  #nodes: readonly NodeRecord[] = [];
  #policy = defaultPolicy;
  #recordsAt: MonotonicMs = Number.NEGATIVE_INFINITY;
  #recordsInFlight = false;
  #turn = 0;
  #timer: NodeJS.Timeout | null = null;
  #expectedTick: MonotonicMs = 0;
  #loopBlockMs = 0;
  #stopped = false;

  constructor(
    private readonly link: AgentLink,
    private readonly options: {
      readonly groups: readonly GroupName[];
      readonly limits: RouterLimits;
      readonly logger: Logger;
      /** Somebody is connected to the group or waits for it. */
      readonly isBusy: (group: GroupName) => boolean;
      /** Something about the group changed or a deadline passed: hold, release or end sessions. */
      readonly onChange: (group: GroupName) => void;
    },
  ) {
    for (const group of options.groups) this.#routes.set(group, emptyRoutes(group));
  }

  start(): void {
    this.#expectedTick = performance.now() + this.options.limits.askMs;
    this.#timer = setInterval(() => this.#tick(), this.options.limits.askMs);
    this.#tick();
  }

  stop(): void {
    this.#stopped = true;
    if (this.#timer) clearInterval(this.#timer);
    for (const { timer } of this.#deadlines.values()) clearTimeout(timer);
    for (const stream of this.#streams.values()) stream.close();
    this.#streams.clear();
  }

  routes(group: GroupName): GroupRoutes {
    return this.#routes.get(group) ?? emptyRoutes(group);
  }

  policy(): RouterPolicy {
    return this.#policy;
  }

  members(group: GroupName): readonly NodeRecord[] {
    return this.#nodes.filter((node) => node.group === group);
  }

  /** Longest delay of the ask timer since the last call: how long something blocked this process. */
  takeLoopBlockMs(): number {
    const block = this.#loopBlockMs;
    this.#loopBlockMs = 0;
    return block;
  }

  /** Asks every member of the group now, but no node more often than `askHeldMs`. */
  askNow(group: GroupName): void {
    for (const member of this.members(group)) this.#ask(group, member.id, this.options.limits.askHeldMs);
  }

  #tick(): void {
    const { askMs, askOthersMs, idleFactor } = this.options.limits;
    const now = performance.now();
    this.#loopBlockMs = Math.max(this.#loopBlockMs, now - this.#expectedTick);
    this.#expectedTick = now + this.options.limits.askMs;
    this.#openStreams();
    const recordsDue = this.#nodes.length === 0 ? 0 : this.options.limits.recordsMs;
    if (now - this.#recordsAt >= recordsDue) void this.#readRecords();
    for (const [group, routes] of this.#routes) {
      const primary = believedPrimary(routes);
      const open = primary !== null && !isPast(primary, readClocks());
      const busy = this.options.isBusy(group);
      for (const member of this.members(group)) {
        const often = !open || member.id === primary.answer.node;
        // Deadlines are longer than twice the question's interval, so an idle group stays open; nothing depends on asking often.
        const dueMs = (often ? askMs : askOthersMs) * (open && !busy ? idleFactor : 1);
        // Half a tick of slack: timers jitter, and a due question must not wait for the next tick.
        this.#ask(group, member.id, dueMs - askMs / 2);
      }
    }
  }

  #ask(group: GroupName, node: NodeId, notWithinMs: number): void {
    if (this.#stopped) return;
    const ask = this.#asks.get(node) ?? { inFlight: 0, lastSent: Number.NEGATIVE_INFINITY };
    this.#asks.set(node, ask);
    const sent = readClocks();
    if (ask.inFlight >= maxInFlight || sent.monotonic - ask.lastSent < notWithinMs) return;
    ask.inFlight++;
    ask.lastSent = sent.monotonic;
    this.link.requestNode(node, 'node.route', { group }, this.options.limits.askTimeoutMs).then(
      (answer) => {
        ask.inFlight--;
        this.#update(group, (routes) => applyAnswer(routes, node, answer, sent));
      },
      // No answer changes nothing: the deadline of the last one runs out by itself.
      () => void ask.inFlight--,
    );
  }

  #update(group: GroupName, change: (routes: GroupRoutes) => GroupRoutes): void {
    const before = this.#routes.get(group);
    if (before === undefined || this.#stopped) return;
    const after = change(before);
    if (after === before) return;
    this.#routes.set(group, after);
    this.#armDeadline(group, after);
    this.options.onChange(group);
  }

  /** Sessions end at the deadline itself, not at the next tick after it. A timer that rings before a renewed deadline is set again then. */
  #armDeadline(group: GroupName, routes: GroupRoutes): void {
    const primary = believedPrimary(routes);
    const armed = this.#deadlines.get(group);
    if (primary === null || (armed !== undefined && armed.at <= primary.deadline)) return;
    if (armed !== undefined) clearTimeout(armed.timer);
    const ring = () => {
      this.#deadlines.delete(group);
      const known = this.routes(group);
      const present = believedPrimary(known);
      if (present !== null && !isPast(present, readClocks())) this.#armDeadline(group, known);
      else this.options.onChange(group);
    };
    // Timers may ring up to a millisecond before their time.
    const ms = Math.max(0, Math.ceil(primary.deadline - performance.now()) + 1);
    this.#deadlines.set(group, { at: primary.deadline, timer: setTimeout(ring, ms) });
  }

  #openStreams(): void {
    for (const node of this.link.connectedNodes()) {
      if (this.#streams.has(node)) continue;
      const stream = this.link.openRoutes(
        node,
        (hint) => this.#hint(hint),
        () => {
          if (this.#streams.get(node) === stream) this.#streams.delete(node);
        },
      );
      this.#streams.set(node, stream);
    }
  }

  #hint(hint: { readonly group: GroupName; readonly node: NodeId; readonly epoch: Epoch }): void {
    if (!this.#routes.has(hint.group)) return;
    this.#update(hint.group, (routes) => noteEpoch(routes, hint.epoch));
    const members = this.members(hint.group);
    if (!members.some((member) => member.id === hint.node)) void this.#readRecords();
    this.#ask(hint.group, hint.node, 0);
    const primary = believedPrimary(this.routes(hint.group));
    for (const member of members) {
      if (member.id !== hint.node && member.id === primary?.answer.node) this.#ask(hint.group, member.id, 0);
    }
  }

  async #readRecords(): Promise<void> {
    const connected = this.link.connectedNodes();
    if (this.#recordsInFlight || connected.length === 0) return;
    this.#recordsInFlight = true;
    try {
      const node = connected[this.#turn++ % connected.length]!;
      const timeoutMs = this.options.limits.askTimeoutMs;
      const [nodes, groups, config] = await Promise.all([
        this.link.requestNode(node, 'store.localList', { prefix: 'nodes/' }, timeoutMs),
        this.link.requestNode(node, 'store.localList', { prefix: 'groups/' }, timeoutMs),
        this.link.requestNode(node, 'store.localList', { prefix: 'config' }, timeoutMs),
      ]);
      this.#recordsAt = performance.now();
      this.#takeNodes(nodes.entries.map((entry) => entry.value as unknown as NodeRecord));
      for (const { value } of groups.entries) {
        const record = value as unknown as GroupRecord;
        this.#update(record.name, (routes) => noteEpoch(routes, record.epoch));
      }
      const policy = config.entries.find((entry) => entry.key === 'config')?.value as unknown as ClusterConfig;
      if (policy) this.#policy = policy;
    } catch (error) {
      this.options.logger.debug({ reason: messageOf(error) }, 'records not read; the next tick tries another node');
    } finally {
      this.#recordsInFlight = false;
    }
  }

  #takeNodes(nodes: readonly NodeRecord[]): void {
    // A replica that has not caught up yet knows no nodes; the ones we know are better than none.
    if (nodes.length === 0 || this.#stopped) return;
    this.#nodes = nodes;
    this.link.setNodes(nodes.map((node) => ({ nodeId: node.id, host: node.host, port: node.agentPort })));
    for (const known of this.#asks.keys()) if (!nodes.some((node) => node.id === known)) this.#asks.delete(known);
    for (const group of this.#routes.keys()) {
      const members = this.members(group).map((node) => node.id);
      this.#update(group, (routes) => keepNodes(routes, members));
      this.askNow(group);
    }
  }
}
