/** The load balancer on the wire, from what the router reports. */
import type { ClusterConfig } from '@/engine/cluster/model';
import type { RouterStatus } from '@/engine/runtime/engine-api';
import { presentRouter } from '../shared/router';

export function presentLoadBalancer(config: ClusterConfig, router: RouterStatus | null) {
  return {
    strategy: config.loadBalancer.strategy,
    weights: { ...config.loadBalancer.weights },
    read_max_lag_ms: config.readMaxLagMs,
    router: presentRouter(router),
    pools: (router?.services ?? []).map((pool) => ({
      service: pool.service,
      group: pool.group,
      kind: pool.kind,
      host: pool.host,
      port: pool.port,
      strategy: pool.strategy,
      held: pool.held,
      open_sessions: pool.openSessions,
      total_sessions: pool.totalSessions,
      refused: pool.refused,
      endpoints: pool.endpoints.map((endpoint) => ({
        node: endpoint.node,
        state: endpoint.state,
        reason: endpoint.reason,
        sessions: endpoint.sessions,
        weight: endpoint.weight,
        connect_ms: endpoint.connectMs,
      })),
    })),
    clients: (router?.clients ?? []).map((client) => ({
      service: client.service,
      node: client.node,
      client_address: client.clientAddress,
      user: client.user,
      database: client.database,
      application_name: client.applicationName,
      since: client.since,
      bytes_in: client.bytesIn,
      bytes_out: client.bytesOut,
    })),
  };
}
