/**
 * Chooses the standby for a read-only session. Invariants: a server that lags, drains, is silent or was ejected is never chosen; every
 * strategy spreads over all that qualify; an ejected server comes back by itself after a bounded time.
 * Weighted choice is nginx's smooth weighted round robin; ejection follows Envoy's consecutive-failure outlier detection.
 */
import type { MonotonicMs, NodeId } from '../../kernel/ids';

export type Strategy = 'round_robin' | 'least_connections' | 'weighted' | 'latency' | 'region_aware';

export type Endpoint = {
  readonly node: NodeId;
  readonly role: 'primary' | 'standby' | 'none';
  /** Answered recently enough to be believed. */
  readonly fresh: boolean;
  readonly draining: boolean;
  readonly lagMs: number | null;
  readonly region: string;
  /** Sessions of this router there, attempts included. */
  readonly sessions: number;
  /** All connections of that server, by its own word. */
  readonly connections: number;
  /** 1 unless configured; 0 takes no sessions while another qualifies. */
  readonly weight: number;
};

export type EndpointHealth = {
  readonly consecutiveFailures: number;
  readonly ejections: number;
  readonly ejectedUntil: MonotonicMs;
  readonly lastFailure: string | null;
  /** Moving average (1/4 new) of the time to connect, and when it was last measured. */
  readonly connectMs: number | null;
  readonly measuredAt: MonotonicMs;
  /** Smooth weighted round robin's current weight. */
  readonly current: number;
};

export type PoolState = {
  readonly last: NodeId | null;
  readonly health: Readonly<Record<NodeId, EndpointHealth>>;
};

export type PoolPolicy = {
  readonly strategy: Strategy;
  readonly maxLagMs: number;
  readonly region: string | null;
};

export const failuresToEject = 3;
const firstEjectionMs = 1_000;
export const maxEjectionMs = 30_000;
/** A latency measured longer ago than this is measured again by giving that server a session. */
const remeasureMs = 30_000;

const healthy: EndpointHealth = {
  consecutiveFailures: 0,
  ejections: 0,
  ejectedUntil: 0,
  lastFailure: null,
  connectMs: null,
  measuredAt: 0,
  current: 0,
};

export const emptyPool: PoolState = { last: null, health: {} };

export function healthOf(state: PoolState, node: NodeId): EndpointHealth {
  return state.health[node] ?? healthy;
}

export type Verdict =
  | { readonly kind: 'qualifies' }
  | { readonly kind: 'down' | 'lagging' | 'ejected' | 'draining' | 'not-a-standby'; readonly reason: string };

export function judge(state: PoolState, endpoint: Endpoint, policy: PoolPolicy, now: MonotonicMs): Verdict {
  const health = healthOf(state, endpoint.node);
  if (!endpoint.fresh) return { kind: 'down', reason: 'its agent does not answer' };
  if (endpoint.role === 'none') return { kind: 'down', reason: 'PostgreSQL does not serve there' };
  if (endpoint.role === 'primary') return { kind: 'not-a-standby', reason: 'it is the primary' };
  if (endpoint.draining) return { kind: 'draining', reason: 'it takes no new sessions (maintenance or switchover)' };
  if (health.ejectedUntil > now) {
    return {
      kind: 'ejected',
      reason: `${health.consecutiveFailures} failed connections in a row (${health.lastFailure ?? 'unknown'})`,
    };
  }
  if (endpoint.lagMs === null) return { kind: 'lagging', reason: 'its lag is unknown' };
  if (endpoint.lagMs > policy.maxLagMs) {
    return { kind: 'lagging', reason: `${Math.round(endpoint.lagMs)} ms behind, limit ${policy.maxLagMs} ms` };
  }
  return { kind: 'qualifies' };
}

function fewest(endpoints: readonly Endpoint[], cost: (endpoint: Endpoint) => number): readonly Endpoint[] {
  const least = Math.min(...endpoints.map(cost));
  return endpoints.filter((endpoint) => cost(endpoint) === least);
}

/** The one after the last chosen in name order: stable when servers come and go. */
function nextInTurn(state: PoolState, endpoints: readonly Endpoint[]): Endpoint {
  const sorted = [...endpoints].sort((a, b) => (a.node < b.node ? -1 : 1));
  return sorted.find((endpoint) => state.last !== null && endpoint.node > state.last) ?? sorted[0]!;
}

function leastBusy(state: PoolState, endpoints: readonly Endpoint[]): Endpoint {
  const own = fewest(endpoints, (endpoint) => endpoint.sessions);
  return nextInTurn(
    state,
    fewest(own, (endpoint) => endpoint.connections),
  );
}

function fastest(state: PoolState, endpoints: readonly Endpoint[], now: MonotonicMs): Endpoint {
  const unmeasured = endpoints.filter((endpoint) => {
    const health = healthOf(state, endpoint.node);
    return health.connectMs === null || now - health.measuredAt > remeasureMs;
  });
  if (unmeasured.length > 0) return nextInTurn(state, unmeasured);
  return nextInTurn(
    state,
    fewest(endpoints, (endpoint) => healthOf(state, endpoint.node).connectMs ?? 0),
  );
}

function weighted(state: PoolState, endpoints: readonly Endpoint[]): { state: PoolState; chosen: Endpoint } {
  const anyWeight = endpoints.some((endpoint) => endpoint.weight > 0);
  const weightOf = (endpoint: Endpoint) => (anyWeight ? Math.max(0, endpoint.weight) : 1);
  const health: Record<NodeId, EndpointHealth> = { ...state.health };
  let total = 0;
  let chosen = endpoints[0]!;
  let best = Number.NEGATIVE_INFINITY;
  for (const endpoint of [...endpoints].sort((a, b) => (a.node < b.node ? -1 : 1))) {
    const weight = weightOf(endpoint);
    total += weight;
    const current = healthOf(state, endpoint.node).current + weight;
    health[endpoint.node] = { ...healthOf(state, endpoint.node), current };
    if (weight > 0 && current > best) {
      best = current;
      chosen = endpoint;
    }
  }
  const picked = health[chosen.node]!;
  health[chosen.node] = { ...picked, current: picked.current - total };
  return { state: { ...state, health }, chosen };
}

/** The server for the next session, or null when none qualifies (the caller falls back to the primary). `exclude`: already tried for it. */
export function choose(
  state: PoolState,
  endpoints: readonly Endpoint[],
  options: { readonly policy: PoolPolicy; readonly now: MonotonicMs; readonly exclude?: ReadonlySet<NodeId> },
): { readonly state: PoolState; readonly node: NodeId | null } {
  const { policy, now, exclude } = options;
  const qualified = endpoints.filter(
    (endpoint) => !exclude?.has(endpoint.node) && judge(state, endpoint, policy, now).kind === 'qualifies',
  );
  if (qualified.length === 0) return { state, node: null };
  const take = (next: PoolState, chosen: Endpoint) => ({ state: { ...next, last: chosen.node }, node: chosen.node });
  switch (policy.strategy) {
    case 'round_robin':
      return take(state, nextInTurn(state, qualified));
    case 'least_connections':
      return take(state, leastBusy(state, qualified));
    case 'latency':
      return take(state, fastest(state, qualified, now));
    case 'weighted': {
      const result = weighted(state, qualified);
      return take(result.state, result.chosen);
    }
    case 'region_aware': {
      const near = qualified.filter((endpoint) => endpoint.region === policy.region);
      return take(state, leastBusy(state, near.length > 0 ? near : qualified));
    }
  }
}

export function connected(state: PoolState, node: NodeId, connectMs: number, now: MonotonicMs): PoolState {
  const health = healthOf(state, node);
  const average = health.connectMs === null ? connectMs : health.connectMs * 0.75 + connectMs * 0.25;
  const next = {
    ...health,
    consecutiveFailures: 0,
    ejections: 0,
    ejectedUntil: 0,
    lastFailure: null,
    connectMs: average,
    measuredAt: now,
  };
  return { ...state, health: { ...state.health, [node]: next } };
}

export function failed(state: PoolState, node: NodeId, why: string, now: MonotonicMs): PoolState {
  const health = healthOf(state, node);
  const consecutiveFailures = health.consecutiveFailures + 1;
  let next: EndpointHealth = { ...health, consecutiveFailures, lastFailure: why };
  if (consecutiveFailures >= failuresToEject) {
    // The exponent is bounded with the result: 2^5 seconds already exceeds the longest ejection.
    const ejectedMs = Math.min(maxEjectionMs, firstEjectionMs * 2 ** Math.min(health.ejections, 10));
    next = { ...next, ejections: health.ejections + 1, ejectedUntil: now + ejectedMs };
  }
  return { ...state, health: { ...state.health, [node]: next } };
}

/** Forgets servers that are gone, so that the state stays as small as the group. */
export function keepEndpoints(state: PoolState, nodes: readonly NodeId[]): PoolState {
  if (Object.keys(state.health).every((node) => nodes.includes(node))) return state;
  const health = Object.fromEntries(Object.entries(state.health).filter(([node]) => nodes.includes(node)));
  return { ...state, health };
}
