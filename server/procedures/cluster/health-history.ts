/** Changes of health from the leader; without a control majority those that nodes still keep, and what is missing is named. */
import { isClusterError } from '@/engine/kernel/errors';
import { type HealthTransition, mostListed, oldestFirst } from '@/engine/monitoring/model';
import type { ProcedureContext } from '../context';
import { type Page, type PageInput, paginate, readCursor } from '../shared/page';

const withoutQuorumMs = 500;
const keptMs = 1_000;
/** So many nodes at most are asked for what they keep: in a large cluster only the voters do. */
const askedLimit = 32;

type HistoryFilter = PageInput & { readonly node?: string | undefined; readonly group?: string | undefined };
type Missing = { readonly missing_nodes: string[]; readonly notice: string | null };
type Found = Missing & { readonly transitions: readonly HealthTransition[] };

const list = 'cluster.listHealthHistory';
/** How many with the same key came before, then the key. */
const cursorKinds = ['number', 'string', 'string', 'string', 'string', 'string'] as const;

export async function pageOfHealth(
  context: ProcedureContext,
  input: HistoryFilter,
): Promise<Page<Omit<HealthTransition, 'id'>> & Missing> {
  const before = input.cursor === undefined ? null : String(readCursor(list, input.cursor, cursorKinds)[1]);
  const { transitions, ...missing } = await transitionsOf(context, before);
  const wanted = transitions
    .filter((one) => (!input.node || one.node === input.node) && (!input.group || one.group === input.group))
    .map(({ id: _id, ...one }) => one);
  const page = paginate(wanted, input, {
    list,
    key: ({ at, node, group, from, to }) => [at, node ?? '', group ?? '', from, to],
    direction: -1,
  });
  // Older ones may lie beyond what was read.
  const whole = before === null && transitions.length < mostListed;
  return { ...page, total_count: whole ? page.total_count : null, ...missing };
}

async function transitionsOf(context: ProcedureContext, before: string | null): Promise<Found> {
  const wanted = { limit: mostListed, before };
  try {
    // Where nobody leads, as far as is known, an answer is not worth waiting for.
    const timeoutMs = context.engine.current().view.raft.hasQuorum ? undefined : withoutQuorumMs;
    const transitions = await context.engine.leader('health.history', wanted, timeoutMs);
    return { transitions, missing_nodes: [], notice: null };
  } catch (error) {
    if (!isClusterError(error) || (error.code !== 'UNAVAILABLE' && error.code !== 'TIMEOUT')) throw error;
    return keptTransitions(context, wanted);
  }
}

/** Each of those that keep a copy may have heard something that another did not. */
async function keptTransitions(
  context: ProcedureContext,
  wanted: { readonly limit: number; readonly before: string | null },
): Promise<Found> {
  const { view } = context.engine.current();
  const voters = new Set(view.raft.configuration.voters.map((voter) => voter.id));
  const ids = view.nodes.map((node) => node.record.id);
  const keepers = ids.length <= askedLimit ? ids : ids.filter((id) => voters.has(id));
  const missing: string[] = [];
  const ask = async (id: string) => {
    const kept = await context.engine.node(id, 'health.kept', wanted, keptMs).catch(() => null);
    if (kept === null) missing.push(id);
    return kept ?? [];
  };
  const answers = await Promise.all(keepers.map(ask));
  // A key that may not know any keeper still hears from whoever answers.
  if (keepers.length === missing.length) answers.push(await context.engine.anyNode('health.kept', wanted, keptMs));
  const found = new Map(answers.flat().map((one) => [one.id, one]));
  missing.sort();
  const silent =
    missing.length === 0 ? '' : `; ${missing.join(', ')} ${missing.length === 1 ? 'does' : 'do'} not answer`;
  return {
    transitions: [...found.values()].sort(oldestFirst).reverse().slice(0, mostListed),
    missing_nodes: missing,
    notice: `Only what nodes still keep is listed, nothing since: the control store has no leader${silent}`,
  };
}
