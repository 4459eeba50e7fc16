/**
 * Operations newest first, past the last 1,000 that the control store keeps: the older ones lie in the archive files of whichever nodes led when they
 * were archived. One cursor (ids are ordered by time) pages through all of it. Invariants: an operation is listed once, also when a crash left it in
 * store and archive; archives are only read for a page that the store does not fill; what lies on a node that does not answer is left out of the page,
 * never silently: the page names the node.
 */
import { ClusterError } from '../kernel/errors';
import type { NodeId, OperationId } from '../kernel/ids';
import type { EngineParams, EngineResult } from '../runtime/engine-api';
import type { Operation } from './model';
import { type ArchiveRecord, fits, newestFirst, type OperationFilter } from './operation-archive';

const maxPage = 500;

export type HistorySources = {
  /** Of the control store. */
  stored(): readonly Operation[];
  /** Nodes that answer now and may have led once, this one included. */
  archives(): readonly NodeId[];
  /** Every node that archived something, whether it answers or not. */
  known(): readonly (ArchiveRecord & { readonly node: NodeId })[];
  archived(node: NodeId, params: EngineParams<'operation.archived'>): Promise<EngineResult<'operation.archived'>>;
};

type Read = { readonly operations: readonly Operation[]; readonly silent: ReadonlySet<NodeId> };

export class OperationHistory {
  constructor(private readonly sources: HistorySources) {}

  async list(filter: OperationFilter): Promise<EngineResult<'operation.list'>> {
    const limit = Math.max(1, Math.min(maxPage, filter.limit));
    const wanted = { ...filter, limit: limit + 1 };
    const stored = this.sources.stored().filter((operation) => fits(operation, filter));
    const found = new Map(stored.map((operation) => [operation.id, operation]));
    const missing: NodeId[] = [];
    if (stored.length <= limit) {
      const { operations, silent } = await this.#fromArchives({ ...wanted, id: null });
      for (const operation of operations) {
        if (!found.has(operation.id)) found.set(operation.id, operation);
      }
      missing.push(...this.#holders((one) => filter.before === null || one.oldest < filter.before, silent));
    }
    const all = [...found.values()].sort(newestFirst);
    const operations = all.slice(0, limit);
    return { operations, next: all.length > limit ? (operations.at(-1)?.id ?? null) : null, missing };
  }

  /** @throws UNAVAILABLE when it is not found and may lie on a node that does not answer */
  async find(id: OperationId): Promise<Operation | null> {
    const nothing = { before: null, group: null, kinds: null, states: null };
    const { operations, silent } = await this.#fromArchives({ ...nothing, limit: 1, id });
    if (operations[0]) return operations[0];
    const holders = this.#holders((one) => one.oldest <= id && id <= one.newest, silent);
    if (holders.length === 0) return null;
    const where = holders.join(', ');
    throw new ClusterError('UNAVAILABLE', `Operation ${id} may lie in the archive of ${where}, which does not answer`, {
      reasons: holders.map((node) => ({
        rule: 'archive-answers',
        measured: 'no answer',
        limit: 'an answer',
        remedy: `Bring ${node} back; its archive is readable again then`,
        node,
      })),
    });
  }

  /** Which of the nodes that could not be read hold something that was wanted. */
  #holders(wanted: (one: ArchiveRecord) => boolean, silent: ReadonlySet<NodeId>): readonly NodeId[] {
    const asked = new Set(this.sources.archives());
    return this.sources
      .known()
      .filter((one) => wanted(one) && (silent.has(one.node) || !asked.has(one.node)))
      .map((one) => one.node)
      .sort();
  }

  async #fromArchives(params: EngineParams<'operation.archived'>): Promise<Read> {
    const silent = new Set<NodeId>();
    const answers = await Promise.all(
      this.sources.archives().map((node) =>
        this.sources.archived(node, params).catch(() => {
          silent.add(node);
          return [];
        }),
      ),
    );
    return { operations: answers.flat(), silent };
  }
}
