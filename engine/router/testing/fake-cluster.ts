/** Agents whose answers a test sets, behind the router's own door to the cluster. Counts what it was asked. */
import type { ClusterConfig, GroupRecord, NodeRecord } from '../../cluster/model';
import { ClusterError } from '../../kernel/errors';
import type { NodeId } from '../../kernel/ids';
import type { RouteAnswer, RouterStatus } from '../../runtime/engine-api';
import type { AgentLink } from '../agent-link';

type Hint = { readonly group: string; readonly node: NodeId; readonly epoch: number };

export class FakeCluster implements AgentLink {
  readonly answers = new Map<NodeId, RouteAnswer>();
  /** Nodes whose agent does not answer. */
  readonly silent = new Set<NodeId>();
  readonly asked = new Map<NodeId, number>();
  readonly statuses: RouterStatus[] = [];
  readonly #streams = new Map<NodeId, (hint: Hint) => void>();
  config: Pick<ClusterConfig, 'routerHoldMs' | 'readMaxLagMs' | 'loadBalancer'> = {
    routerHoldMs: 5_000,
    readMaxLagMs: 1_000,
    loadBalancer: { strategy: 'round_robin', weights: {} },
  };
  regions: Record<NodeId, string> = {};

  constructor(readonly nodes: Readonly<Record<NodeId, { readonly host: string; readonly port: number }>>) {
    for (const node of Object.keys(nodes)) this.set(node, { role: 'none', remainingMs: 0 });
  }

  set(node: NodeId, change: Partial<RouteAnswer>): void {
    const before = this.answers.get(node) ?? {
      group: 'alpha',
      node,
      epoch: 1,
      role: 'none',
      ...this.nodes[node]!,
      remainingMs: 0,
      lagBytes: null,
      lagMs: null,
      connections: 0,
      region: this.regions[node] ?? 'eu',
      draining: false,
    };
    this.answers.set(node, { ...before, ...change });
  }

  primary(node: NodeId, epoch = 1, remainingMs = 1_400): void {
    this.set(node, { role: 'primary', epoch, remainingMs, lagMs: null, draining: false });
  }

  standby(node: NodeId, lagMs: number | null = 0): void {
    this.set(node, { role: 'standby', remainingMs: 0, lagMs, draining: false });
  }

  /** Each agent tells of itself. */
  hint(node: NodeId, epoch: number): void {
    this.#streams.get(node)?.({ group: 'alpha', node, epoch });
  }

  start(): void {}
  stop(): void {}
  setNodes(): void {}

  connectedNodes(): readonly NodeId[] {
    return Object.keys(this.nodes).filter((node) => !this.silent.has(node));
  }

  openRoutes(node: NodeId, onHint: (hint: Hint) => void): { close(): void } {
    this.#streams.set(node, onHint);
    return { close: () => void this.#streams.delete(node) };
  }

  requestNode: AgentLink['requestNode'] = async (node, method, params) => {
    this.asked.set(node, (this.asked.get(node) ?? 0) + 1);
    // As over a network: the answer is never there before the caller has gone on.
    await new Promise((resolve) => setImmediate(resolve));
    if (this.silent.has(node)) throw new ClusterError('TIMEOUT', `${node} does not answer`);
    return this.#answer(node, method, params) as never;
  };

  #answer(node: NodeId, method: string, params: unknown): unknown {
    if (method === 'node.route') return this.answers.get(node);
    if (method === 'router.status') {
      this.statuses.push(params as RouterStatus);
      return {};
    }
    if (method !== 'store.localList') throw new ClusterError('NOT_FOUND', `${method} is not for routers`);
    const { prefix } = params as { prefix: string };
    return { ageMs: 0, entries: this.#records(prefix) };
  }

  #records(prefix: string) {
    const entry = (key: string, value: unknown) => ({ key, value, createRevision: 1, modRevision: 1 });
    if (prefix === 'config') return [entry('config', this.config)];
    if (prefix === 'groups/') {
      const epochs = [...this.answers.values()].map((answer) => answer.epoch);
      return [entry('groups/alpha', { name: 'alpha', epoch: Math.min(...epochs) } as GroupRecord)];
    }
    return Object.entries(this.nodes).map(([id, { host, port }]) => {
      const region = this.regions[id] ?? 'eu';
      return entry(`nodes/${id}`, { id, group: 'alpha', host, agentPort: port, region } as NodeRecord);
    });
  }
}
