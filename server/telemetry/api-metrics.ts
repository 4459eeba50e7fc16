/** Prometheus metrics: latency of every procedure on every surface, and the cluster as the view tells it at scrape time. */
import { collectDefaultMetrics, Gauge, Histogram, Registry } from 'prom-client';
import type { Logger } from '@/engine/kernel/log';
import type { AuditTrail } from '@/server/audit/api';
import type { CurrentView, EngineClient } from '@/server/engine-client/api';
import { auditMetrics } from './audit-metrics';
import { clusterMetrics } from './cluster-metrics';
import { nodeMetrics } from './node-metrics';
import { OperationMetrics } from './operation-metrics';
import { patroniMetrics } from './patroni-metrics';
import { routerMetrics } from './router-metrics';
import { slotMetrics } from './slot-metrics';
import { registerStalls } from './stall-metric';
import { registerAsked, registerViewMetric } from './view-metric';

/** The default of 10 ms wakes a console that nobody uses a hundred times a second: most of what that costs. Part of each value; see the dashboard. */
const loopPrecisionMs = 50;
const buckets = [0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30];

export type MetricSources = {
  readonly engine: EngineClient;
  readonly audit: Pick<AuditTrail, 'verify'>;
  readonly logger: Logger;
};

export class ApiMetrics {
  readonly #registry = new Registry();
  readonly #requests: Histogram<'procedure' | 'surface' | 'code'>;
  readonly #openStreams: Gauge<'surface'>;
  readonly #stop: () => void;

  constructor({ engine, audit, logger }: MetricSources) {
    collectDefaultMetrics({ register: this.#registry, eventLoopMonitoringPrecision: loopPrecisionMs });
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
    for (const metric of [...clusterMetrics, ...patroniMetrics, ...nodeMetrics, ...slotMetrics]) {
      registerViewMetric(this.#registry, metric, () => currentOrNull(engine));
    }
    registerStalls(this.#registry, () => currentOrNull(engine));
    for (const metric of [...routerMetrics(engine), ...auditMetrics(audit, () => Date.now())]) {
      registerAsked(this.#registry, metric);
    }
    this.#stop = new OperationMetrics(this.#registry, engine, logger).start();
  }

  close(): void {
    this.#stop();
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

  /** Everything that can be exported, whether or not there is a sample of it now. */
  families(): readonly { readonly name: string; readonly labels: readonly string[] }[] {
    return this.#registry.getMetricsAsArray().map((metric) => ({
      name: metric.name,
      labels: 'labelNames' in metric ? (metric.labelNames as string[]) : [],
    }));
  }
}

/** Before a node has answered there is nothing to tell of the cluster. */
function currentOrNull(engine: EngineClient): CurrentView | null {
  try {
    return engine.current();
  } catch {
    return null;
  }
}
