/**
 * Operations newest first, past the last 1,000 that the control store keeps: the older ones lie in the archive files of whichever nodes led when they
 * were archived. One cursor (ids are ordered by time) pages through all of it. Invariants: an operation is listed once, also when a crash left it in
 * store and archive; archives are only read for a page that the store does not fill.
 */
import type { NodeId, OperationId } from '../kernel/ids';
import type { EngineParams, EngineResult } from '../runtime/engine-api';
import type { Operation } from './model';
import { fits, newestFirst, type OperationFilter } from './operation-archive';

const maxPage = 500;

export type HistorySources = {
  /** Of the control store. */
  stored(): readonly Operation[];
  /** Nodes that answer now and may have led once, this one included. */
  archives(): readonly NodeId[];
  archived(node: NodeId, params: EngineParams<'operation.archived'>): Promise<EngineResult<'operation.archived'>>;
};

export class OperationHistory {
  constructor(private readonly sources: HistorySources) {}

  async list(filter: OperationFilter): Promise<EngineResult<'operation.list'>> {
    const limit = Math.max(1, Math.min(maxPage, filter.limit));
    const wanted = { ...filter, limit: limit + 1 };
    const stored = this.sources.stored().filter((operation) => fits(operation, filter));
    const found = new Map(stored.map((operation) => [operation.id, operation]));
    if (stored.length <= limit) {
      for (const operation of await this.#fromArchives({ ...wanted, id: null })) {
        if (!found.has(operation.id)) found.set(operation.id, operation);
      }
    }
    const all = [...found.values()].sort(newestFirst);
    const operations = all.slice(0, limit);
    return { operations, next: all.length > limit ? (operations.at(-1)?.id ?? null) : null };
  }

  async find(id: OperationId): Promise<Operation | null> {
    const nothing = { before: null, group: null, kinds: null, states: null };
    const found = await this.#fromArchives({ ...nothing, limit: 1, id });
    return found[0] ?? null;
  }

  /** A node that does not answer is left out: its archive is readable again when it is back. */
  async #fromArchives(params: EngineParams<'operation.archived'>): Promise<readonly Operation[]> {
    const answers = await Promise.all(
      this.sources.archives().map((node) => this.sources.archived(node, params).catch(() => [])),
    );
    return answers.flat();
  }
}
