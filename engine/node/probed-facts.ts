/** What a node knows at this moment for whoever probes it: nothing is asked for it, neither PostgreSQL nor another node. */
import { release } from '../kernel/release';
import type { MembersSeen, ProbeFacts } from './core/probe-facts';
import { clusterConfig, groupFact, groupMembers, type NodeContext } from './node-context';
import type { RouteTable } from './route-table';

/** Until the cluster's configuration is known. */
const unconfigured = { leaseMs: 2_000, readyLagBytes: 16 * 1024 * 1024 };

export function probedFacts(
  context: NodeContext,
  routes: RouteTable,
  known: { readonly turnedAtMs: number; readonly seenByPrimary: MembersSeen | null },
): ProbeFacts {
  const { config, store, loop, reports } = context;
  const cluster = clusterConfig(context);
  const group = groupFact(context)?.record ?? null;
  return {
    node: config.nodeId,
    release,
    route: routes.answer(config.group),
    seen: reports.seen,
    group,
    members: () => groupMembers(context),
    seenByPrimary: known.seenByPrimary,
    paused: group?.automaticFailover === false || cluster?.autoFailover === false,
    storeAgeMs: store.localState().ageMs,
    turnedMs: loop.now() - known.turnedAtMs,
    leaseMs: cluster?.leaseMs ?? unconfigured.leaseMs,
    readyLagBytes: cluster?.health.lagWarningBytes ?? unconfigured.readyLagBytes,
    wallMs: loop.wallMs(),
  };
}
