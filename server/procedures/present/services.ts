/** Services, pools and connections, from what the router reports to the agents. */
import type { ClusterConfig, ClusterView } from '@/engine/cluster/model';
import { ClusterError } from '@/engine/kernel/errors';
import type { RouterStatus, RuntimeInfo } from '@/engine/runtime/engine-api';
import type { EngineClient } from '@/server/engine-client/api';
import type { ProcedureContext } from '../context';
import { membersOf } from './topology';

const database = 'app';
const role = 'app';
/** The router tells the nodes it knows; one that restarted lately may not have heard yet, so a few are asked. */
const askedNodes = 3;

/** Null while no router reports. */
export async function askForRouter(engine: EngineClient): Promise<RouterStatus | null> {
  for (const node of engine.connectedNodes().slice(0, askedNodes)) {
    const status = await engine.node(node, 'router.get', {}, 2000).catch(() => null);
    if (status) return status;
  }
  return null;
}

async function askForRuntime(engine: EngineClient): Promise<RuntimeInfo> {
  for (const node of engine.connectedNodes().slice(0, askedNodes)) {
    const info = await engine.node(node, 'runtime.get', {}, 2000).catch(() => null);
    if (info?.router) return info;
  }
  return { router: null };
}

export function presentLoadBalancer(config: ClusterConfig, router: RouterStatus | null) {
  return {
    strategy: config.loadBalancer.strategy,
    weights: { ...config.loadBalancer.weights },
    read_max_lag_ms: config.readMaxLagMs,
    router: router === null ? null : { host: router.host, pid: router.pid, started_at: router.startedAt },
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

export async function askForServices(context: ProcedureContext) {
  const [runtime, status] = await Promise.all([askForRuntime(context.engine), askForRouter(context.engine)]);
  const { view } = context.engine.current();
  return (runtime.router?.services ?? []).map((service) => presentService(view, service, status));
}

type Service = NonNullable<RuntimeInfo['router']>['services'][number];

function presentService(view: ClusterView, service: Service, status: RouterStatus | null) {
  const group = view.groups.find((one) => one.record.name === service.group);
  const pool = status?.services.find((one) => one.service === service.service);
  const available = service.kind === 'rw' ? (group?.writable ?? false) : (group?.readable ?? false);
  return {
    service_name: service.service,
    group: service.group,
    kind: service.kind,
    host: service.host,
    port: service.port,
    database,
    user: role,
    built_in: true,
    available,
    reason: available ? null : (group?.sentence ?? 'The group is not known'),
    strategy: service.kind === 'rw' ? 'primary' : view.config.loadBalancer.strategy,
    open_sessions: pool?.openSessions ?? 0,
    endpoints: membersOf(view, service.group)
      .filter((node) => service.kind === 'ro' || node.role === 'primary')
      .map((node) => ({
        node: node.record.id,
        host: node.record.host,
        port: node.record.postgresPort,
        role: node.role,
        region: node.record.region,
        state: pool?.endpoints.find((one) => one.node === node.record.id)?.state ?? 'unknown',
      })),
    connection_string: `postgresql://${role}@${service.host}:${service.port}/${database}`,
  };
}

export async function findService(context: ProcedureContext, name: string) {
  const found = (await askForServices(context)).find((service) => service.service_name === name);
  if (!found) throw new ClusterError('NOT_FOUND', `No service ${name}`);
  return found;
}
