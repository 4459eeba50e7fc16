/** How long the agents were blocked: the histograms that they keep themselves, handed on as they are, so that a console that comes later misses nothing. */
import { Histogram, type Registry } from 'prom-client';
import { stallBoundsMs } from '@/engine/node/core/stall-counts';
import type { CurrentView } from '@/server/engine-client/api';
import { ofNode } from './view-metric';

const name = 'rustydb_node_event_loop_stall_seconds';
const help = 'Longest time in each second for which the agent could do nothing, since it started';
const labelNames = ['node', 'group'] as const;
const bounds = stallBoundsMs.map((ms) => ms / 1_000);

type Told = Awaited<ReturnType<Histogram<(typeof labelNames)[number]>['get']>>;

class ReportedHistogram extends Histogram<(typeof labelNames)[number]> {
  constructor(
    registry: Registry,
    private readonly current: () => CurrentView | null,
  ) {
    super({ name, help, labelNames: [...labelNames], buckets: bounds, registers: [registry] });
  }

  override get(): Promise<Told> {
    return this.getForPromString();
  }

  /** What the registry asks for when it writes text; not in the package's types. */
  async getForPromString(): Promise<Told> {
    return { name, help, type: 'histogram', aggregator: 'sum', values: this.#values() } as unknown as Told;
  }

  #values(): Told['values'] {
    return (this.current()?.view.nodes ?? []).flatMap((node): Told['values'] => {
      const stalls = node.report?.stalls;
      if (!stalls) return [];
      const labels = ofNode(node);
      let sum = 0;
      const buckets = stalls.counts.map((count, index) => {
        sum += count;
        return { metricName: `${name}_bucket`, labels: { ...labels, le: bounds[index] ?? '+Inf' }, value: sum };
      });
      return [
        ...buckets,
        { metricName: `${name}_sum`, labels, value: stalls.sumMs / 1_000 },
        { metricName: `${name}_count`, labels, value: sum },
      ] as Told['values'];
    });
  }
}

export function registerStalls(registry: Registry, current: () => CurrentView | null): void {
  new ReportedHistogram(registry, current);
}
