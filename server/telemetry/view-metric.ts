/** A metric that is read from the live view when it is scraped: nothing is remembered between scrapes, what is unknown is absent. */
import { Counter, Gauge, type Registry } from 'prom-client';
import type { GroupView, NodeView, PostgresReport } from '@/engine/cluster/model';
import type { CurrentView } from '@/server/engine-client/api';

type Labels = Readonly<Record<string, string>>;
export type Sample = readonly [Labels, number | boolean | null | undefined];

export type ViewMetric = {
  readonly name: string;
  readonly help: string;
  readonly labels: readonly string[];
  readonly samples: (current: CurrentView) => readonly Sample[];
};

/** Samples that have to be asked for; what does not answer in time is absent. */
export type AskedMetric = Omit<ViewMetric, 'samples'> & {
  readonly type: 'gauge' | 'counter';
  readonly samples: () => Promise<readonly Sample[]> | readonly Sample[];
};

export function registerViewMetric(registry: Registry, metric: ViewMetric, current: () => CurrentView | null): void {
  registerAsked(registry, {
    ...metric,
    type: 'gauge',
    samples: () => {
      const now = current();
      return now ? metric.samples(now) : [];
    },
  });
}

const isKnown = ([, value]: Sample) => value !== null && value !== undefined;

export function registerAsked(registry: Registry, { name, help, labels, type, samples }: AskedMetric): void {
  const options = { name, help, labelNames: [...labels], registers: [registry] };
  if (type === 'gauge') {
    new Gauge({
      ...options,
      async collect() {
        const found = (await samples()).filter(isKnown);
        this.reset();
        // A reset metric without labels stands at 0: that would be a sample of what nobody knows.
        if (labels.length === 0) this.remove();
        for (const [of, value] of found) this.set(of, Number(value));
      },
    });
    return;
  }
  new Counter({
    ...options,
    async collect() {
      const found = (await samples()).filter(isKnown);
      this.reset();
      // A reset metric without labels stands at 0: that would be a sample of what nobody knows.
      if (labels.length === 0) this.remove();
      for (const [of, value] of found) this.inc(of, Number(value));
    },
  });
}

export function ofNode(node: NodeView): { node: string; group: string } {
  return { node: node.record.id, group: node.record.group };
}

export function ofGroup(group: GroupView): { group: string } {
  return { group: group.record.name };
}

/** One sample per node. */
export function perNode(value: (node: NodeView) => Sample[1]): ViewMetric['samples'] {
  return ({ view }) => view.nodes.map((node) => [ofNode(node), value(node)]);
}

/** One sample per node whose PostgreSQL reported. */
export function perServer(value: (postgres: PostgresReport, node: NodeView) => Sample[1]): ViewMetric['samples'] {
  return perNode((node) => (node.report ? value(node.report.postgres, node) : null));
}

export function perGroup(value: (group: GroupView, current: CurrentView) => Sample[1]): ViewMetric['samples'] {
  return (current) => current.view.groups.map((group) => [ofGroup(group), value(group, current)]);
}
