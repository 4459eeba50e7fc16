/** The control store as catalogs of a console reach it: through the leader, so each answer is linearizable and none comes without a majority. */
import type { CatalogStore } from '@/engine/control/catalog';
import type { EngineClient } from './api';

export function storeThrough(engine: EngineClient, timeoutMs?: number): CatalogStore {
  return {
    get: (key) => engine.leader('store.get', { key }, timeoutMs),
    list: (prefix) => engine.leader('store.list', { prefix }, timeoutMs),
    txn: (txn) => engine.leader('store.txn', txn, timeoutMs),
  };
}
