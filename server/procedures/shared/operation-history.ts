/** Operations from the controller; without a control majority those that a node's own copy of the control store holds. */
import { keys } from '@/engine/cluster/model';
import { ClusterError, isClusterError } from '@/engine/kernel/errors';
import type { Operation } from '@/engine/operations/model';
import type { ProcedureContext } from '../context';
import { untilEndSeen } from './own-write';
import { type Page, type PageInput, readCursor, writeCursor } from './page';

const withoutQuorumMs = 500;
const localReadMs = 2_000;

type HistoryFilter = PageInput & {
  readonly group?: string | undefined;
  readonly kinds?: readonly string[] | undefined;
  readonly states?: readonly string[] | undefined;
};

type Missing = { readonly missing_nodes: string[]; readonly notice: string | null };
type HistoryPage = Missing & { readonly operations: readonly Operation[]; readonly next: string | null };

/** A node that a limited key may not know of has no name here (server/auth/scoped-engine.ts). */
function missingFrom(missing: readonly string[]): Missing {
  if (missing.length === 0) return { missing_nodes: [], notice: null };
  const named = missing.filter((node) => node !== '');
  const where = named.length === missing.length ? named.join(', ') : [...named, 'other nodes'].join(', ');
  const why = missing.length === 1 && named.length === 1 ? 'it does not answer' : 'they do not answer';
  return { missing_nodes: named, notice: `Older operations in the archive of ${where} are missing: ${why}` };
}

/** Newest first; ids are ordered by time. `list`: whose cursor it is. */
export async function pageOfOperations<T>(
  context: ProcedureContext,
  list: string,
  filter: HistoryFilter,
  present: (operation: Operation) => T,
): Promise<Page<T> & Missing> {
  const before = filter.cursor === undefined ? null : String(readCursor(list, filter.cursor, ['string'])[0]);
  const { operations, next, ...missing } = await listOperations(context, filter, before);
  const next_cursor = next === null ? null : writeCursor(list, [next]);
  return { items: operations.map(present), next_cursor, total_count: null, ...missing };
}

async function listOperations(
  context: ProcedureContext,
  filter: HistoryFilter,
  before: string | null,
): Promise<HistoryPage> {
  const wanted = {
    limit: filter.limit,
    before,
    group: filter.group ?? null,
    kinds: filter.kinds ?? null,
    states: filter.states ?? null,
  };
  try {
    // Where nobody leads, as far as is known, an answer is not worth waiting for.
    const timeoutMs = context.engine.current().view.raft.hasQuorum ? undefined : withoutQuorumMs;
    const page = await context.engine.leader('operation.list', wanted, timeoutMs);
    const missing = page.missing ?? [];
    return { operations: page.operations, next: page.next, ...missingFrom(missing) };
  } catch (error) {
    if (!isClusterError(error) || (error.code !== 'UNAVAILABLE' && error.code !== 'TIMEOUT')) throw error;
    const known = [...(await knownOperations(context))]
      .sort((a, b) => (a.id < b.id ? 1 : -1))
      .filter((one) => before === null || one.id < before)
      .filter((one) => !filter.group || one.group === filter.group)
      .filter((one) => !filter.kinds || filter.kinds.includes(one.kind))
      .filter((one) => !filter.states || filter.states.includes(one.state));
    const operations = known.slice(0, filter.limit);
    return {
      operations,
      next: known.length > operations.length ? (operations.at(-1)?.id ?? null) : null,
      missing_nodes: [],
      notice: 'Only operations that a node still knows are listed: the control store has no leader',
    };
  }
}

/** Of a node's own copy of the control store; a key that is limited to groups, or a console that no node answers, has what the view holds. */
async function knownOperations(context: ProcedureContext): Promise<readonly Operation[]> {
  const { operations } = context.engine.current().view;
  try {
    const { entries } = await context.engine.anyNode('store.localList', { prefix: keys.operations }, localReadMs);
    const stored = entries.map((entry) => entry.value as unknown as Operation);
    return [...new Map([...operations, ...stored].map((one) => [one.id, one])).values()];
  } catch (error) {
    if (isClusterError(error)) return operations;
    throw error;
  }
}

export async function getOperation(context: ProcedureContext, id: string): Promise<Operation> {
  const known = context.engine.current().view.operations.find((one) => one.id === id);
  if (known) return known;
  const found = await context.engine.leader('operation.get', { id });
  if (!found) throw new ClusterError('NOT_FOUND', `No operation ${id}`);
  await untilEndSeen(context, found);
  return found;
}
