/** Operations from the controller; without a control majority those that the local view still holds. */
import { ClusterError, isClusterError } from '@/engine/kernel/errors';
import type { Operation } from '@/engine/operations/model';
import type { ProcedureContext } from './context';

export type HistoryFilter = {
  readonly limit: number;
  readonly cursor?: string | undefined;
  readonly group?: string | undefined;
  readonly kinds?: readonly string[] | undefined;
  readonly states?: readonly string[] | undefined;
};

export type HistoryPage = {
  readonly operations: readonly Operation[];
  readonly next: string | null;
  readonly missing_nodes: string[];
  readonly notice: string | null;
};

/** A node that a limited key may not know of has no name here (server/auth/scoped-engine.ts). */
function missingFrom(missing: readonly string[]): Pick<HistoryPage, 'missing_nodes' | 'notice'> {
  if (missing.length === 0) return { missing_nodes: [], notice: null };
  const named = missing.filter((node) => node !== '');
  const where = named.length === missing.length ? named.join(', ') : [...named, 'other nodes'].join(', ');
  const why = missing.length === 1 && named.length === 1 ? 'it does not answer' : 'they do not answer';
  return { missing_nodes: named, notice: `Older operations in the archive of ${where} are missing: ${why}` };
}

export async function listOperations(context: ProcedureContext, filter: HistoryFilter): Promise<HistoryPage> {
  try {
    const page = await context.engine.leader('operation.list', {
      limit: filter.limit,
      before: filter.cursor ?? null,
      group: filter.group ?? null,
      kinds: filter.kinds ?? null,
      states: filter.states ?? null,
    });
    const missing = page.missing ?? [];
    return { operations: page.operations, next: page.next, ...missingFrom(missing) };
  } catch (error) {
    if (!isClusterError(error) || error.code !== 'UNAVAILABLE') throw error;
    const known = [...context.engine.current().view.operations]
      .sort((a, b) => (a.id < b.id ? 1 : -1))
      .filter((one) => !filter.cursor || one.id < filter.cursor)
      .filter((one) => !filter.group || one.group === filter.group)
      .filter((one) => !filter.kinds || filter.kinds.includes(one.kind))
      .filter((one) => !filter.states || filter.states.includes(one.state));
    const operations = known.slice(0, filter.limit);
    return {
      operations,
      next: known.length > operations.length ? (operations.at(-1)?.id ?? null) : null,
      missing_nodes: [],
      notice: 'Only the latest operations are listed: the control store does not answer',
    };
  }
}

export async function getOperation(context: ProcedureContext, id: string): Promise<Operation> {
  const known = context.engine.current().view.operations.find((one) => one.id === id);
  if (known) return known;
  const found = await context.engine.leader('operation.get', { id });
  if (!found) throw new ClusterError('NOT_FOUND', `No operation ${id}`);
  return found;
}
