/** Services, from what the router reports to the agents. */
import type { ClusterView } from '@/engine/cluster/model';
import { ClusterError } from '@/engine/kernel/errors';
import type { RouterStatus, RuntimeInfo } from '@/engine/runtime/engine-api';
import type { ConsoleFacts, ProcedureContext } from '../context';
import { membersOf } from '../shared/present-topology';
import { answerTimeoutMs, askForRouter, firstKnown, presentRouter, unknownServices } from '../shared/router';

const database = 'app';
const role = 'app';

type Router = NonNullable<RuntimeInfo['router']>;
type Service = Router['services'][number];

/** Where services listen does not change while they exist: what was heard once holds when nobody answers. By console, as each has its own facts. */
const heard = new WeakMap<ConsoleFacts, Map<string, Service>>();

type Listeners = { readonly services: readonly Service[]; readonly heardNow: boolean };

/** @throws UNAVAILABLE when nobody tells them and nobody ever did: no services is an answer, not knowing them is none */
async function askForListeners({ engine, facts }: ProcedureContext): Promise<Listeners> {
  const remembered = heard.get(facts) ?? new Map<string, Service>();
  heard.set(facts, remembered);
  const visible = new Set(engine.current().view.groups.map((group) => group.record.name));
  const answer = await firstKnown(engine, async (node) => {
    const { router } = await engine.node(node, 'runtime.get', {}, answerTimeoutMs);
    return router;
  }).catch(() => null);
  // A caller who sees a part of the groups hears of those only: what was heard of the others stays.
  const known = [...remembered.values()].filter((service) => visible.has(service.group));
  if (answer === null) {
    if (known.length === 0) throw unknownServices();
    return { services: known, heardNow: false };
  }
  for (const { service } of known) remembered.delete(service);
  for (const service of answer.services) remembered.set(service.service, service);
  return { services: answer.services, heardNow: true };
}

export async function askForServices(context: ProcedureContext) {
  return (await askNow(context)).services;
}

async function askNow(context: ProcedureContext) {
  const [{ services, heardNow }, status] = await Promise.all([askForListeners(context), askForRouter(context.engine)]);
  const { view } = context.engine.current();
  return { services: services.map((service) => presentService(view, service, status)), heardNow };
}

/** Counters are null for a service that no router reports. */
export async function askForStats(context: ProcedureContext) {
  const [{ services }, status] = await Promise.all([askForListeners(context), askForRouter(context.engine)]);
  const { view } = context.engine.current();
  const rows = services.map((service) => {
    const { service_name, group, kind, available, open_sessions } = presentService(view, service, status);
    const pool = status?.services.find((one) => one.service === service.service);
    return {
      service_name,
      group,
      kind,
      available,
      open_sessions,
      held: pool?.held ?? null,
      total_sessions: pool?.totalSessions ?? null,
      refused: pool?.refused ?? null,
    };
  });
  const sum = (of: 'open_sessions' | 'held' | 'total_sessions' | 'refused') =>
    status === null ? null : rows.reduce((total, row) => total + (row[of] ?? 0), 0);
  return {
    router: presentRouter(status),
    total_services: rows.length,
    available_services: rows.filter((row) => row.available).length,
    open_sessions: sum('open_sessions'),
    held: sum('held'),
    total_sessions: sum('total_sessions'),
    refused: sum('refused'),
    services: rows,
  };
}

/** @throws NOT_FOUND for a service that does not exist, UNAVAILABLE while no router tells what it would do */
export async function askForRouting(context: ProcedureContext, name: string) {
  const [service, status] = await Promise.all([findService(context, name), askForRouter(context.engine)]);
  const pool = status?.services.find((one) => one.service === name);
  if (pool?.next === undefined) {
    throw new ClusterError('UNAVAILABLE', `No router tells where it would route a session of ${name} now`);
  }
  return {
    service_name: name,
    group: service.group,
    kind: service.kind,
    strategy: pool.strategy,
    node: pool.next.node,
    reason: pool.next.reason,
    held: pool.held,
    candidates: pool.endpoints.map((endpoint) => {
      const known = service.endpoints.find((one) => one.node === endpoint.node);
      const member = context.engine.current().view.nodes.find((one) => one.record.id === endpoint.node);
      return {
        node: endpoint.node,
        role: known?.role ?? member?.role ?? null,
        region: member?.record.region ?? null,
        chosen: endpoint.node === pool.next?.node,
        state: endpoint.state,
        reason: endpoint.reason,
        sessions: endpoint.sessions,
        weight: endpoint.weight,
        connect_ms: endpoint.connectMs,
      };
    }),
  };
}

type Member = { readonly host: string; readonly port: number };

/**
 * All members in one string, as libpq reads it: it asks each in turn whether it takes writes (for reads: whether it is a standby).
 * Each is given up soon, as the next one may be the right one.
 */
export function directConnectionString(kind: 'rw' | 'ro', members: readonly Member[], password: string | null): string {
  const login = password === null ? role : `${role}:${encodeURIComponent(password)}`;
  const hosts = members.map(({ host, port }) => `${host.includes(':') ? `[${host}]` : host}:${port}`).join(',');
  const wanted = kind === 'rw' ? 'read-write' : 'prefer-standby';
  return `postgresql://${login}@${hosts}/${database}?target_session_attrs=${wanted}&connect_timeout=3`;
}

function presentService(view: ClusterView, service: Service, status: RouterStatus | null) {
  const group = view.groups.find((one) => one.record.name === service.group);
  const pool = status?.services.find((one) => one.service === service.service);
  const available = service.kind === 'rw' ? (group?.writable ?? false) : (group?.readable ?? false);
  const members = membersOf(view, service.group).map(({ record }) => ({
    node: record.id,
    host: record.host,
    port: record.postgresPort,
  }));
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
    open_sessions: pool?.openSessions ?? null,
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
    members,
    direct_connection_string: directConnectionString(service.kind, members, null),
  };
}

/** @throws NOT_FOUND when who knows the services does not have it, UNAVAILABLE when nobody says so now */
export async function findService(context: ProcedureContext, name: string) {
  const { services, heardNow } = await askNow(context);
  const found = services.find((service) => service.service_name === name);
  if (found) return found;
  throw heardNow ? new ClusterError('NOT_FOUND', `No service ${name}`) : unknownServices();
}
