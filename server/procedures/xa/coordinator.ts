/**
 * Asks the coordinator of distributed transactions: the primary of one group, which a node that is asked instead names. Invariant: a request
 * that changes something is sent again only after it was refused untouched, by a node that is not the coordinator.
 */
import type { ClusterView } from '@/engine/cluster/model';
import { ClusterError, isClusterError } from '@/engine/kernel/errors';
import type { EngineParams, EngineResult } from '@/engine/runtime/engine-api';
import { xaMethods } from '@/engine/xa/model';
import { scopeOf } from '@/server/auth/group-scope';
import { clusterWide } from '@/server/auth/scoped-engine';
import type { ConsoleFacts, ProcedureContext } from '../context';
import { sortedGroups } from '../shared/find';
import { untilSeen } from '../shared/own-write';

type XaMethod = keyof typeof xaMethods;
type CoordinatorMethod = Exclude<XaMethod, 'xa.prepared'>;

/** How long a change of primary may take before the caller hears of it. */
const usualPatienceMs = 5_000;
const readTimeoutMs = 5_000;
/** Statements wait for locks, a commit for its acknowledgements: longer than that, the caller asks what became of it. */
const changeTimeoutMs = 55_000;

/** The group that answered last; it never changes while the installation exists. By console, as each has its own cluster. */
const knownGroups = new WeakMap<ConsoleFacts, string>();

/** Lists of what is in doubt are looked at while a group has no primary: they say so soon. */
type Patience = { readonly primaryWithinMs?: number };

type Coordinated<T> = { readonly answer: T; readonly group: string; readonly node: string };

export async function askCoordinator<M extends CoordinatorMethod>(
  context: ProcedureContext,
  method: M,
  params: EngineParams<M>,
  patience: Patience = {},
): Promise<EngineResult<M>> {
  return (await askCoordinatorWhere(context, method, params, patience)).answer;
}

export async function askCoordinatorWhere<M extends CoordinatorMethod>(
  context: ProcedureContext,
  method: M,
  params: EngineParams<M>,
  { primaryWithinMs = usualPatienceMs }: Patience = {},
): Promise<Coordinated<EngineResult<M>>> {
  if (scopeOf(context.identity) !== null) throw clusterWide('A distributed transaction');
  const group = knownGroups.get(context.facts) ?? firstGroup(context.engine.current().view);
  const refusedBy: string[] = [];
  try {
    return await askGroup(context, { group, not: refusedBy, primaryWithinMs }, method, params);
  } catch (error) {
    const named = coordinatorGroupIn(error);
    if (named === null) throw error;
    knownGroups.set(context.facts, named);
    return askGroup(context, { group: named, not: [...refusedBy], primaryWithinMs }, method, params);
  }
}

type Place = {
  readonly group: string;
  /** Nodes that refused as they don't coordinate; who is asked is added. */
  readonly not: string[];
  readonly primaryWithinMs: number;
};

/** As a group's primary may have changed between the view and the question, what only reads is asked once more. */
async function askGroup<M extends CoordinatorMethod>(
  context: ProcedureContext,
  { group, not, primaryWithinMs }: Place,
  method: M,
  params: EngineParams<M>,
): Promise<Coordinated<EngineResult<M>>> {
  const reads = xaMethods[method].effect === 'read';
  const before = [...not];
  const ask = async () => {
    const node = await primaryWithin(context, { group, not: before, primaryWithinMs });
    not.push(node);
    const answer = await context.engine.node(node, method, params, reads ? readTimeoutMs : changeTimeoutMs);
    return { answer, group, node };
  };
  try {
    return await ask();
  } catch (error) {
    if (!reads || !isClusterError(error) || !error.retryable) throw error;
    return ask();
  }
}

/** @throws UNAVAILABLE when the view shows no primary in time */
async function primaryWithin(context: ProcedureContext, { group, not, primaryWithinMs }: Place): Promise<string> {
  const primaryIn = (view: ClusterView) => {
    const primary = view.groups.find((one) => one.record.name === group)?.record.primary ?? null;
    return primary === null || not.includes(primary) ? null : primary;
  };
  const now = primaryIn(context.engine.current().view);
  if (now !== null) return now;
  await untilSeen(context, (view) => primaryIn(view) !== null, primaryWithinMs);
  const later = primaryIn(context.engine.current().view);
  if (later !== null) return later;
  throw new ClusterError(
    'UNAVAILABLE',
    `Distributed transactions wait for a primary of group ${group}, which keeps their decisions`,
    { clusterCode: 'CLU_PRIMARY_NOT_FOUND' },
  );
}

function firstGroup(view: ClusterView): string {
  const [first] = sortedGroups(view);
  if (!first) throw new ClusterError('UNAVAILABLE', 'There is no group yet that could coordinate transactions');
  return first.record.name;
}

function coordinatorGroupIn(error: unknown): string | null {
  if (!isClusterError(error) || error.code !== 'CONFLICT') return null;
  const named = error.details.extra?.coordinator_group;
  return typeof named === 'string' ? named : null;
}
