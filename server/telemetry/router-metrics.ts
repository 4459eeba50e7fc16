/** Connections by service and pool, as the router tells them to the agents. Asked for once per scrape, by all of these together. */
import type { RouterStatus } from '@/engine/runtime/engine-api';
import type { EngineClient } from '@/server/engine-client/api';
import { askForRouter } from '@/server/procedures/shared/router';
import type { AskedMetric, Sample } from './view-metric';

/** The metrics of one scrape are collected within this. */
const sharedMs = 500;

type Service = RouterStatus['services'][number];

export function routerMetrics(engine: EngineClient): readonly AskedMetric[] {
  let asked: { readonly at: number; readonly status: Promise<RouterStatus | null> } | null = null;
  const status = () => {
    if (asked === null || performance.now() - asked.at > sharedMs) {
      asked = { at: performance.now(), status: askForRouter(engine).catch(() => null) };
    }
    return asked.status;
  };
  const perService = (value: (service: Service) => number) => async (): Promise<readonly Sample[]> =>
    ((await status())?.services ?? []).map((one) => [
      { service: one.service, group: one.group, kind: one.kind },
      value(one),
    ]);
  const perEndpoint = (value: (endpoint: Service['endpoints'][number]) => Sample[1]) => async () =>
    ((await status())?.services ?? []).flatMap((one) =>
      one.endpoints.map((endpoint): Sample => [{ service: one.service, node: endpoint.node }, value(endpoint)]),
    );
  const labels = ['service', 'group', 'kind'];
  return [
    {
      name: 'rustydb_router_up',
      help: '1: a router reports',
      labels: [],
      type: 'gauge',
      samples: async () => [[{}, (await status()) !== null]],
    },
    {
      name: 'rustydb_router_event_loop_delay_seconds',
      help: 'Longest time for which the router could do nothing since its last report',
      labels: [],
      type: 'gauge',
      samples: async () => {
        const ms = (await status())?.loopBlockMs;
        return [[{}, ms === undefined ? null : ms / 1000]];
      },
    },
    {
      name: 'rustydb_router_connections',
      help: 'Open client connections of a service',
      labels,
      type: 'gauge',
      samples: perService((one) => one.openSessions),
    },
    {
      name: 'rustydb_router_held_connections',
      help: 'Connections that wait for a server',
      labels,
      type: 'gauge',
      samples: perService((one) => one.held),
    },
    {
      name: 'rustydb_router_connections_total',
      help: 'Connections that were let through since the router started',
      labels,
      type: 'counter',
      samples: perService((one) => one.totalSessions),
    },
    {
      name: 'rustydb_router_refused_total',
      help: 'Connections that were refused since the router started',
      labels,
      type: 'counter',
      samples: perService((one) => one.refused),
    },
    {
      name: 'rustydb_router_endpoint_connections',
      help: 'Open client connections of a service on one node',
      labels: ['service', 'node'],
      type: 'gauge',
      samples: perEndpoint((endpoint) => endpoint.sessions),
    },
    {
      name: 'rustydb_router_endpoint_active',
      help: '1: the service sends connections to the node',
      labels: ['service', 'node'],
      type: 'gauge',
      samples: perEndpoint((endpoint) => endpoint.state === 'active'),
    },
    {
      name: 'rustydb_router_endpoint_connect_seconds',
      help: 'How long the last connection to the node took',
      labels: ['service', 'node'],
      type: 'gauge',
      samples: perEndpoint((endpoint) => (endpoint.connectMs === null ? null : endpoint.connectMs / 1000)),
    },
  ];
}
