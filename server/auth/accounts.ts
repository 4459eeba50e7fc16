/**
 * Users and API keys over the control store. Reads come from a node's local replica and are kept for a second, so signing in works without
 * a majority; writes are compare-and-swap through the leader.
 */
import { createHash, randomBytes, randomUUID } from 'node:crypto';
import { keys } from '@/engine/cluster/model';
import type { Json, KeyValue } from '@/engine/control/store';
import { ClusterError } from '@/engine/kernel/errors';
import type { EngineClient } from '@/server/engine-client/api';
import type { Role } from '@/server/procedures/definition';
import type { AccountDirectory, ApiKeyRecord, UserRecord } from './api';
import { hashPassword, spendVerification, verifyPassword } from './passwords';

const cacheMs = 1000;

type Cached = { readonly entries: readonly KeyValue[]; readonly at: number };

export class StoredAccounts implements AccountDirectory {
  readonly #cache = new Map<string, Cached>();
  readonly #loading = new Map<string, Promise<readonly KeyValue[]>>();

  constructor(private readonly engine: EngineClient) {}

  async users(): Promise<readonly UserRecord[]> {
    return (await this.#read(keys.users)).map((entry) => entry.value as unknown as UserRecord);
  }

  async user(id: string): Promise<UserRecord | null> {
    return (await this.users()).find((one) => one.id === id) ?? null;
  }

  async createUser(input: { username: string; password: string; role: Role; by: string }): Promise<UserRecord> {
    const now = new Date().toISOString();
    // The id is the name: the store's key then guards its uniqueness.
    const record: UserRecord = {
      id: input.username,
      username: input.username,
      role: input.role,
      disabled: false,
      passwordHash: await hashPassword(input.password),
      generation: 1,
      createdAt: now,
      createdBy: input.by,
      passwordChangedAt: now,
    };
    const done = await this.#put(keys.user(record.id), 0, record);
    if (!done) throw new ClusterError('CONFLICT', `User ${input.username} already exists`);
    return record;
  }

  updateUser(id: string, patch: { role?: Role; disabled?: boolean; password?: string }): Promise<UserRecord> {
    return this.#changeUser(id, async (before, all) => {
      const after: UserRecord = {
        ...before,
        role: patch.role ?? before.role,
        disabled: patch.disabled ?? before.disabled,
        generation: before.generation + 1,
        ...(patch.password === undefined
          ? {}
          : { passwordHash: await hashPassword(patch.password), passwordChangedAt: new Date().toISOString() }),
      };
      if (isActiveAdmin(before) && !isActiveAdmin(after)) requireAnotherAdmin(id, all);
      return after;
    });
  }

  async deleteUser(id: string): Promise<void> {
    const entry = await this.#current(keys.user(id));
    if (!entry) throw new ClusterError('NOT_FOUND', `No user ${id}`);
    const all = (await this.engine.leader('store.list', { prefix: keys.users })).map(
      (one) => one.value as unknown as UserRecord,
    );
    if (isActiveAdmin(entry.value as unknown as UserRecord)) requireAnotherAdmin(id, all);
    const result = await this.engine.leader('store.txn', {
      compare: [{ key: entry.key, modRevision: entry.modRevision }],
      mutations: [{ kind: 'delete', key: entry.key }],
    });
    this.#cache.delete(keys.users);
    if (!result.succeeded) throw changedMeanwhile();
  }

  async changePassword(id: string, current: string, next: string): Promise<UserRecord> {
    const user = await this.user(id);
    if (!user || !(await verifyPassword(current, user.passwordHash))) {
      throw new ClusterError('FORBIDDEN', 'current_password: is not your password');
    }
    return this.updateUser(id, { password: next });
  }

  async verify(username: string, password: string): Promise<UserRecord | null> {
    const user = (await this.users()).find((one) => one.username === username);
    if (!user || user.disabled) {
      await spendVerification(password);
      return null;
    }
    return (await verifyPassword(password, user.passwordHash)) ? user : null;
  }

  async apiKeys(): Promise<readonly ApiKeyRecord[]> {
    return (await this.#read(keys.apiKeys)).map((entry) => entry.value as unknown as ApiKeyRecord);
  }

  async createApiKey(input: { name: string; role: Role; expiresAt: string | null; by: string }) {
    const secret = `rdb_${randomBytes(30).toString('base64url')}`;
    const record = await this.#storeApiKey(secret, input);
    if (!record) throw changedMeanwhile();
    return { record, secret };
  }

  /** A key whose secret the operator chose (start-up); nothing happens when it is already there. */
  async ensureApiKey(secret: string, name: string): Promise<void> {
    await this.#storeApiKey(secret, { name, role: 'admin', expiresAt: null, by: 'first start' });
  }

  async #storeApiKey(secret: string, input: { name: string; role: Role; expiresAt: string | null; by: string }) {
    const secretHash = hashSecret(secret);
    const record: ApiKeyRecord = {
      // The id follows from the secret: the same secret can't make two keys.
      id: secretHash.slice(0, 16),
      name: input.name,
      prefix: secret.slice(0, 8),
      role: input.role,
      secretHash,
      createdAt: new Date().toISOString(),
      createdBy: input.by,
      expiresAt: input.expiresAt,
      revoked: false,
    };
    return (await this.#put(keys.apiKey(record.id), 0, record)) ? record : null;
  }

  async revokeApiKey(id: string): Promise<ApiKeyRecord> {
    const entry = await this.#current(keys.apiKey(id));
    if (!entry) throw new ClusterError('NOT_FOUND', `No API key ${id}`);
    const record = { ...(entry.value as unknown as ApiKeyRecord), revoked: true };
    if (!(await this.#put(entry.key, entry.modRevision, record))) throw changedMeanwhile();
    return record;
  }

  /** Null: no such key, revoked, or expired. */
  async findBySecret(secret: string): Promise<ApiKeyRecord | null> {
    const hash = hashSecret(secret);
    const record = (await this.apiKeys()).find((one) => one.secretHash === hash);
    if (!record || record.revoked) return null;
    return record.expiresAt !== null && Date.parse(record.expiresAt) <= Date.now() ? null : record;
  }

  async #changeUser(
    id: string,
    change: (before: UserRecord, all: readonly UserRecord[]) => Promise<UserRecord>,
  ): Promise<UserRecord> {
    const entry = await this.#current(keys.user(id));
    if (!entry) throw new ClusterError('NOT_FOUND', `No user ${id}`);
    const after = await change(entry.value as unknown as UserRecord, await this.users());
    if (!(await this.#put(entry.key, entry.modRevision, after))) throw changedMeanwhile();
    return after;
  }

  #current(key: string): Promise<KeyValue | null> {
    return this.engine.leader('store.get', { key });
  }

  async #put(key: string, modRevision: number, record: UserRecord | ApiKeyRecord): Promise<boolean> {
    const result = await this.engine.leader('store.txn', {
      compare: [{ key, modRevision }],
      mutations: [{ kind: 'put', key, value: record as unknown as Json }],
    });
    const prefix = key.startsWith(keys.users) ? keys.users : keys.apiKeys;
    this.#cache.delete(prefix);
    // What was just written holds here at once, whatever replica answers next.
    if (result.succeeded) this.#overlay.set(key, { value: record as unknown as Json, revision: result.revision });
    return result.succeeded;
  }

  /** Our own writes, until a replica shows them. */
  readonly #overlay = new Map<string, { readonly value: Json; readonly revision: number }>();

  async #read(prefix: string): Promise<readonly KeyValue[]> {
    const cached = this.#cache.get(prefix);
    if (cached && performance.now() - cached.at < cacheMs) return cached.entries;
    const loading = this.#loading.get(prefix) ?? this.#load(prefix, cached);
    this.#loading.set(prefix, loading);
    return loading;
  }

  async #load(prefix: string, known: Cached | undefined): Promise<readonly KeyValue[]> {
    try {
      const { entries } = await this.engine.anyNode('store.localList', { prefix }, 3000);
      const merged = this.#withOverlay(prefix, entries);
      this.#cache.set(prefix, { entries: merged, at: performance.now() });
      return merged;
    } catch (error) {
      if (!known) throw error;
      return known.entries;
    } finally {
      this.#loading.delete(prefix);
    }
  }

  #withOverlay(prefix: string, entries: readonly KeyValue[]): readonly KeyValue[] {
    const merged = new Map(entries.map((entry) => [entry.key, entry]));
    for (const [key, own] of this.#overlay) {
      if (!key.startsWith(prefix)) continue;
      const seen = merged.get(key);
      if (seen && seen.modRevision >= own.revision) this.#overlay.delete(key);
      else merged.set(key, { key, value: own.value, createRevision: own.revision, modRevision: own.revision });
    }
    return [...merged.values()];
  }
}

export function hashSecret(secret: string): string {
  return createHash('sha256').update(secret).digest('hex');
}

export function newSessionId(): string {
  return randomUUID();
}

function isActiveAdmin(user: UserRecord): boolean {
  return user.role === 'admin' && !user.disabled;
}

function requireAnotherAdmin(id: string, all: readonly UserRecord[]): void {
  if (all.some((one) => one.id !== id && isActiveAdmin(one))) return;
  throw new ClusterError('CONFLICT', `${id} is the last admin`, {
    reasons: [
      { rule: 'one-admin-remains', measured: '1 admin', limit: '2 admins', remedy: 'Make another user admin first' },
    ],
  });
}

function changedMeanwhile(): ClusterError {
  return new ClusterError('CONFLICT', 'Someone else changed it meanwhile; look again and repeat', {
    clusterCode: 'CLU_REVISION_CONFLICT',
  });
}
