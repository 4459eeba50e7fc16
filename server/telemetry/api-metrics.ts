/** Prometheus metrics: latency of every procedure on every surface, and the cluster as the view tells it at scrape time. */
import { collectDefaultMetrics, Gauge, Histogram, Registry } from 'prom-client';
import type { CurrentView } from '@/server/engine-client/api';
import { lagOf } from '@/server/procedures/present/node';

const buckets = [0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30];

export class ApiMetrics {
  readonly #registry = new Registry();
  readonly #requests: Histogram<'procedure' | 'surface' | 'code'>;
  readonly #openStreams: Gauge<'surface'>;

  constructor(current: () => CurrentView | null) {
    collectDefaultMetrics({ register: this.#registry });
    this.#requests = new Histogram({
      name: 'rustydb_api_request_duration_seconds',
      help: 'Duration of API calls',
      labelNames: ['procedure', 'surface', 'code'],
      buckets,
      registers: [this.#registry],
    });
    this.#openStreams = new Gauge({
      name: 'rustydb_api_open_streams',
      help: 'Open event streams and subscriptions',
      labelNames: ['surface'],
      registers: [this.#registry],
    });
    this.#clusterGauges(current);
  }

  observe(procedure: string, surface: string, code: string, ms: number): void {
    this.#requests.observe({ procedure, surface, code }, ms / 1000);
  }

  streamOpened(surface: string): () => void {
    this.#openStreams.inc({ surface });
    let open = true;
    return () => {
      if (open) this.#openStreams.dec({ surface });
      open = false;
    };
  }

  async text(): Promise<{ readonly contentType: string; readonly body: string }> {
    return { contentType: this.#registry.contentType, body: await this.#registry.metrics() };
  }

  #clusterGauges(current: () => CurrentView | null): void {
    const gauge = <L extends string>(
      name: string,
      help: string,
      labelNames: readonly L[],
      collect: (view: CurrentView['view'], set: (labels: Record<L, string>, value: number | null) => void) => void,
    ) => {
      const registers = [this.#registry];
      new Gauge({
        name,
        help,
        labelNames: [...labelNames],
        registers,
        collect() {
          this.reset();
          const now = current();
          if (now) collect(now.view, (labels, value) => value !== null && this.set(labels, value));
        },
      });
    };
    gauge('rustydb_cluster_has_quorum', 'The control store has a majority', [], (view, set) =>
      set({}, view.raft.hasQuorum ? 1 : 0),
    );
    gauge('rustydb_group_writable', 'The group has a writable primary', ['group'], (view, set) => {
      for (const group of view.groups) set({ group: group.record.name }, group.writable ? 1 : 0);
    });
    gauge('rustydb_group_epoch', 'Epoch of the group', ['group'], (view, set) => {
      for (const group of view.groups) set({ group: group.record.name }, group.record.epoch);
    });
    gauge('rustydb_group_data_at_risk_bytes', 'WAL that exists only on the primary', ['group'], (view, set) => {
      for (const group of view.groups) set({ group: group.record.name }, group.dataAtRiskBytes);
    });
    gauge('rustydb_node_healthy', 'The node is healthy', ['node', 'group', 'role'], (view, set) => {
      for (const node of view.nodes) {
        set({ node: node.record.id, group: node.record.group, role: node.role }, node.status === 'healthy' ? 1 : 0);
      }
    });
    gauge('rustydb_node_lag_bytes', 'Bytes behind the primary', ['node', 'group'], (view, set) => {
      const primaries = new Map(
        view.nodes.filter((one) => one.role === 'primary').map((one) => [one.record.group, one]),
      );
      for (const node of view.nodes) {
        const lag = lagOf(node, primaries.get(node.record.group)?.report?.postgres ?? null).lag_bytes;
        set({ node: node.record.id, group: node.record.group }, lag);
      }
    });
    gauge('rustydb_node_connections', 'PostgreSQL connections', ['node', 'group'], (view, set) => {
      for (const node of view.nodes) {
        set({ node: node.record.id, group: node.record.group }, node.report?.postgres.connections ?? null);
      }
    });
    gauge('rustydb_node_transactions_per_second', 'Transactions per second', ['node', 'group'], (view, set) => {
      for (const node of view.nodes) {
        const labels = { node: node.record.id, group: node.record.group };
        set(labels, node.report?.postgres.transactionsPerSecond ?? null);
      }
    });
    gauge('rustydb_node_loop_block_milliseconds', 'Longest recent stall of the agent', ['node'], (view, set) => {
      for (const node of view.nodes) set({ node: node.record.id }, node.report?.loopBlockMs ?? null);
    });
  }
}
