/**
 * What several router processes behind the same ports are together. Pure. Connections go to them in turn, so each has its part of every bound, and none of
 * them sees what another one serves: the sums are made here.
 */
import type { RouterStatus } from '../../runtime/engine-api';
import type { RouterLimits } from '../limits';

/** The bounds of one of `processes`: together never more than one process alone would have, but one place each. */
export function partOf(limits: RouterLimits, processes: number): RouterLimits {
  const part = (whole: number) => Math.max(1, Math.floor(whole / processes));
  return {
    ...limits,
    maxHeld: part(limits.maxHeld),
    maxSessions: part(limits.maxSessions),
    maxOpening: part(limits.maxOpening),
    maxUnproven: part(limits.maxUnproven),
    maxUnprovenPerAddress: part(limits.maxUnprovenPerAddress),
    maxCancels: part(limits.maxCancels),
    maxListedClients: limits.maxListedClients,
  };
}

type Service = RouterStatus['services'][number];
type Endpoint = Service['endpoints'][number];

/** `own`: of the process that reports for all; what can't be summed (state of a server, where the next session goes) is as it sees it. */
export function together(own: RouterStatus, others: readonly RouterStatus[], mostClients: number): RouterStatus {
  return {
    ...own,
    services: own.services.map((service) => {
      const same = others.flatMap((one) => one.services.filter((other) => other.service === service.service));
      return same.reduce(joined, service);
    }),
    clients: [own, ...others].flatMap(({ clients }) => clients).slice(0, mostClients),
  };
}

function joined(one: Service, other: Service): Service {
  return {
    ...one,
    held: one.held + other.held,
    openSessions: one.openSessions + other.openSessions,
    totalSessions: one.totalSessions + other.totalSessions,
    refused: one.refused + other.refused,
    endpoints: one.endpoints.map((endpoint) => joinedEndpoint(endpoint, other.endpoints)),
  };
}

function joinedEndpoint(endpoint: Endpoint, others: readonly Endpoint[]): Endpoint {
  const other = others.find(({ node }) => node === endpoint.node);
  if (!other) return endpoint;
  return {
    ...endpoint,
    sessions: endpoint.sessions + other.sessions,
    connectMs: endpoint.connectMs ?? other.connectMs,
  };
}
