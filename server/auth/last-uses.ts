/**
 * When and from where each session and API key was used last. Noted in memory at every call and written to the control store once a minute
 * in one transaction, so a crash loses at most the last minute of it.
 */
import { keys } from '@/engine/cluster/model';
import type { EngineClient } from '@/server/engine-client/api';
import type { Identity, LastUse, LastUses } from './api';
import { isBreakGlass } from './break-glass';
import { ControlRecords } from './control-records';

const batchLimit = 500;
const rememberedLimit = 10_000;

export class StoredLastUses implements LastUses {
  readonly #records: ControlRecords<LastUse>;
  /** Uses that are not written yet, by record id. */
  readonly #fresh = new Map<string, LastUse>();

  constructor(engine: EngineClient) {
    this.#records = new ControlRecords(engine, keys.lastUsed);
  }

  touch(identity: Identity, clientAddress: string): void {
    const id = recordIdOf(identity);
    if (id === null) return;
    if (this.#fresh.size >= rememberedLimit && !this.#fresh.has(id)) return;
    this.#fresh.set(id, { at: new Date().toISOString(), clientAddress });
  }

  ofSessions(): Promise<ReadonlyMap<string, LastUse>> {
    return this.#of('session/');
  }

  ofKeys(): Promise<ReadonlyMap<string, LastUse>> {
    return this.#of('api-key/');
  }

  /** What cannot be written stays for the next time. @throws UNAVAILABLE without a majority */
  async flush(): Promise<void> {
    const batch = [...this.#fresh].slice(0, batchLimit);
    await this.#records.write(batch.map(([id, use]) => this.#records.putting(id, use)));
    for (const [id, use] of batch) if (this.#fresh.get(id) === use) this.#fresh.delete(id);
  }

  /** Forgets uses of what is gone. */
  async forget(sessions: ReadonlySet<string>, apiKeys: ReadonlySet<string>): Promise<void> {
    const gone = [...(await this.#records.byId()).keys()].filter((id) => {
      const [kind, name = ''] = id.split('/');
      return !(kind === 'session' ? sessions : apiKeys).has(name);
    });
    await this.#records.write(gone.slice(0, batchLimit).map((id) => this.#records.removing(id)));
  }

  async #of(kind: string): Promise<ReadonlyMap<string, LastUse>> {
    const found = new Map<string, LastUse>();
    for (const [id, use] of [...(await this.#records.byId()), ...this.#fresh]) {
      const name = id.slice(kind.length);
      const known = found.get(name);
      if (id.startsWith(kind) && (!known || known.at < use.at)) found.set(name, use);
    }
    return found;
  }
}

function recordIdOf(identity: Identity): string | null {
  if (identity.kind === 'user') return `session/${identity.sessionId}`;
  // Each use of the break-glass token is in the audit log.
  return identity.kind === 'api-key' && !isBreakGlass(identity) ? `api-key/${identity.id}` : null;
}
