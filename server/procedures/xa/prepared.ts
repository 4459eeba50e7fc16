/**
 * Prepared transactions as the servers tell them now, with what was decided. Invariants: each branch is shown once, of its group's primary
 * (standbys hold copies; theirs count while there is no primary); a server that does not answer is named; decisions are asked of the
 * coordinator once per page, and without it no verdict is made up.
 */
import type { ClusterView, NodeView } from '@/engine/cluster/model';
import { isClusterError } from '@/engine/kernel/errors';
import type { Decision, PreparedTransaction } from '@/engine/xa/door';
import type { ProcedureContext } from '../context';
import { askNodes } from '../shared/ask-nodes';
import { sortedGroups } from '../shared/find';
import { cursorKey, type Page, type PageInput, paginate, type SortOrder } from '../shared/page';
import { membersOf } from '../shared/present-topology';
import { askCoordinator } from './coordinator';
import { blocksOf, type Known, nextOf, verdictOf, verdictSentence } from './verdict';

/** Of one server; PostgreSQL holds no more than max_prepared_transactions. The rest is told as a number. */
export const mostPerServer = 2_000;
const decisionsAtOnce = 500;
/** Who looks here while a group has no primary wants the rest now. */
const impatient = { primaryWithinMs: 300 };
/** Sorts after every node's id. */
const outside = '~';

export type Held = {
  readonly prepared: PreparedTransaction;
  readonly group: string | null;
  readonly served: boolean;
};

type Gathered = {
  readonly held: readonly Held[];
  readonly missingNodes: readonly string[];
  readonly missingManagers: readonly string[];
  /** Nodes that hold more than was asked for. */
  readonly cut: readonly string[];
  readonly whole: boolean;
};

type Selection = { readonly group?: string | undefined; readonly from?: string };

/** Whom to ask: each group's primary, else all its members. */
function holdersOf(view: ClusterView, { group, from = '' }: Selection): NodeView[] {
  return sortedGroups(view)
    .filter(({ record }) => group === undefined || record.name === group)
    .flatMap(({ record }) => {
      const members = membersOf(view, record.name);
      const primary = members.filter((node) => node.record.id === record.primary);
      return primary.length > 0 ? primary : members;
    })
    .filter((node) => node.record.id >= from)
    .sort((a, b) => (a.record.id < b.record.id ? -1 : 1));
}

export async function gatherPrepared(
  context: ProcedureContext,
  selection: Selection,
  enough: (held: readonly Held[]) => boolean = () => false,
): Promise<Gathered> {
  const { view } = context.engine.current();
  const heldBy = (found: readonly { node: NodeView; answer: { prepared: readonly PreparedTransaction[] } }[]) =>
    onePerBranch(found.flatMap(({ node, answer }) => answer.prepared.map((prepared) => heldOn(view, node, prepared))));
  const question = { method: 'xa.prepared', params: { limit: mostPerServer } } as const;
  const asked = await askNodes(context, holdersOf(view, selection), question, (found) => enough(heldBy(found)));
  const held = heldBy(asked.answers);
  const cut = asked.answers
    .filter(({ answer }) => answer.total > answer.prepared.length)
    .map(({ node, answer }) => `${answer.total - answer.prepared.length} of ${node.record.id}`);
  const missingNodes = asked.missing;
  if (selection.group !== undefined || !asked.whole || enough(held)) {
    const whole = asked.whole && selection.group !== undefined;
    return { held, missingNodes, missingManagers: [], cut, whole };
  }
  const others = await outsiders(context);
  return {
    held: [...held, ...others.prepared.map((prepared) => ({ prepared, group: null, served: true }))],
    missingNodes,
    missingManagers: others.missing,
    cut,
    whole: true,
  };
}

function heldOn(view: ClusterView, node: NodeView, prepared: PreparedTransaction): Held {
  const { group } = node.record;
  const primary = view.groups.find((one) => one.record.name === group)?.record.primary ?? null;
  return { prepared, group, served: primary !== null };
}

/** Standbys of a group without a primary hold copies of the same: the first by name shows it. */
function onePerBranch(all: readonly Held[]): Held[] {
  const seen = new Set<string>();
  return all.filter((one) => {
    if (one.served) return true;
    const key = `${one.group} ${one.prepared.database} ${one.prepared.identifier}`;
    if (seen.has(key)) return false;
    seen.add(key);
    return true;
  });
}

async function outsiders(context: ProcedureContext) {
  try {
    return await askCoordinator(context, 'xa.prepared.outside', {}, impatient);
  } catch (error) {
    if (!isClusterError(error)) throw error;
    // A key of some groups sees what their servers hold.
    return { prepared: [], missing: error.code === 'FORBIDDEN' ? [] : ['all outside the cluster'] };
  }
}

/** Of those that are ours, by the id of their transaction. */
export async function askDecisions(context: ProcedureContext, held: readonly Held[]) {
  const ids = [...new Set(held.flatMap(({ prepared }) => (prepared.ours === null ? [] : [prepared.ours.id])))];
  const preparedAt = Object.fromEntries(
    held.flatMap(({ prepared }) => (prepared.ours === null ? [] : [[prepared.ours.id, prepared.preparedAt]])),
  );
  const decisionsOf = (some: readonly string[]) => ({
    ids: some,
    preparedAt: Object.fromEntries(some.map((id) => [id, preparedAt[id] ?? null])),
  });
  const known = new Map<string, Decision>();
  let otherwise: 'silent' | 'hidden' = 'silent';
  for (let at = 0; at < ids.length; at += decisionsAtOnce) {
    try {
      const some = await askCoordinator(
        context,
        'xa.decisions',
        decisionsOf(ids.slice(at, at + decisionsAtOnce)),
        impatient,
      );
      for (const decision of some) known.set(decision.id, decision);
    } catch (error) {
      if (!isClusterError(error)) throw error;
      otherwise = error.code === 'FORBIDDEN' ? 'hidden' : 'silent';
      break;
    }
  }
  return ({ ours }: PreparedTransaction): Known => (ours === null ? null : (known.get(ours.id) ?? otherwise));
}

const order: SortOrder<Held> = {
  list: 'cluster.listTransactions',
  key: ({ prepared }) => [
    prepared.node ?? `${outside}${prepared.resourceManager}`,
    prepared.preparedAt ?? '',
    prepared.identifier,
  ],
  direction: 1,
};

export async function pageOfPrepared(
  context: ProcedureContext,
  input: PageInput & { readonly group?: string | undefined },
): Promise<Page<ReturnType<typeof presentPrepared>> & { missing_nodes: string[]; notice: string | null }> {
  const [place] = input.cursor === undefined ? [''] : cursorKey(order.list, input.cursor);
  const from = String(place);
  const found = await gatherPrepared(
    context,
    { group: input.group, from },
    (held) => paginate(held, input, order).next_cursor !== null,
  );
  const page = paginate(found.held, input, order);
  const decisionOf = await askDecisions(context, page.items);
  const now = Date.now();
  return {
    items: page.items.map((one) => presentPrepared(one, decisionOf(one.prepared), now)),
    next_cursor: page.next_cursor,
    total_count: found.whole && input.cursor === undefined ? page.total_count : null,
    missing_nodes: [...found.missingNodes],
    notice: noticeOf(found),
  };
}

function noticeOf({ missingNodes, missingManagers, cut }: Gathered): string | null {
  const silent = [...missingNodes, ...missingManagers.map((one) => `resource manager ${one}`)];
  const sentences = [
    silent.length > 0 ? `Prepared transactions of ${silent.join(', ')} are missing: no answer` : null,
    cut.length > 0 ? `${cut.join(', ')} are not listed: there are more than ${mostPerServer} on one server` : null,
  ].filter((one) => one !== null);
  return sentences.length === 0 ? null : sentences.join('; ');
}

export function presentPrepared({ prepared, group, served }: Held, known: Known, now: number) {
  const decided = known === null || typeof known === 'string' ? null : known;
  return {
    node: prepared.node,
    group,
    resource_manager: prepared.resourceManager,
    identifier: prepared.identifier,
    transaction_id: prepared.ours?.id ?? null,
    xid: decided?.xid ?? null,
    branch: prepared.ours?.branch ?? null,
    coordinator_group: prepared.ours?.coordinator ?? null,
    owner: prepared.owner,
    database: prepared.database,
    prepared_at: prepared.preparedAt,
    age_ms: prepared.ageMs,
    decision: decided?.decision === 'commit' || decided?.decision === 'abort' ? decided.decision : null,
    decided_at: decided?.decidedAt ?? null,
    decided_by: decided?.decidedBy ?? null,
    locks: prepared.locks,
    waiting_pids: [...prepared.waitingPids],
    horizon_transactions: prepared.horizonTransactions,
    wal_bytes: prepared.walBytes,
    blocks: blocksOf(prepared),
    verdict: verdictOf(known),
    verdict_sentence: verdictSentence(known, now),
    next: nextOf(known, prepared, { group, served }),
  };
}
