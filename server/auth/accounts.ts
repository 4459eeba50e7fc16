/**
 * Users and API keys over the control store: reads work without a majority, writes are compare-and-swap through the leader
 * (control-records.ts).
 */
import { createHash, randomBytes } from 'node:crypto';
import { keys } from '@/engine/cluster/model';
import type { Mutation } from '@/engine/control/store';
import { ClusterError } from '@/engine/kernel/errors';
import type { EngineClient } from '@/server/engine-client/api';
import type { Role } from '@/server/procedures/definition';
import type {
  AccountDirectory,
  ApiKeyRecord,
  ExternalIdentity,
  KeyStanding,
  NamedIdentity,
  NewApiKey,
  NewUser,
  Person,
  UserPatch,
  UserRecord,
} from './api';
import { ControlRecords } from './control-records';
import { standingOf } from './key-standing';
import type { PasswordHasher } from './passwords';

/** A key or account that ends on another console must end here within half a second, on its way through a replica. */
const freshMs = 250;

export class StoredAccounts implements AccountDirectory {
  readonly #users: ControlRecords<UserRecord>;
  readonly #keys: ControlRecords<ApiKeyRecord>;
  readonly #listeners = new Set<() => void>();

  constructor(
    engine: EngineClient,
    private readonly passwords: PasswordHasher,
  ) {
    const onChange = () => {
      for (const listener of this.#listeners) listener();
    };
    this.#users = new ControlRecords(engine, keys.users, { freshMs, onChange });
    this.#keys = new ControlRecords(engine, keys.apiKeys, { freshMs, onChange });
  }

  /** For transactions that make a user together with something else. */
  puttingUser(user: UserRecord): Mutation {
    return this.#users.putting(user.id, user);
  }

  noteUsers(mutations: readonly Mutation[], revision: number): void {
    this.#users.note(mutations, revision);
  }

  /** Calls back when an account or a key is seen to have changed, here or on another console. */
  onChange(listener: () => void): () => void {
    this.#listeners.add(listener);
    return () => this.#listeners.delete(listener);
  }

  async refresh(): Promise<void> {
    await Promise.all([this.#users.refresh(), this.#keys.refresh()]);
  }

  users(): Promise<readonly UserRecord[]> {
    return this.#users.all();
  }

  user(id: string): Promise<UserRecord | null> {
    return this.#users.get(id);
  }

  async createUser(input: NewUser): Promise<UserRecord> {
    const passwordHash = input.password === null ? null : await this.passwords.hash(input.password);
    const record = newUser({ ...input, passwordHash });
    // The id is the name: the store's key then guards its uniqueness.
    if (!(await this.#users.put(record.id, 0, record))) throw userExists(input.username);
    return record;
  }

  updateUser(id: string, patch: UserPatch): Promise<UserRecord> {
    return this.#changeUser(id, async (before, all) => {
      const after: UserRecord = {
        ...before,
        role: patch.role ?? before.role,
        disabled: patch.disabled ?? before.disabled,
        external: patch.external ?? before.external ?? null,
        generation: before.generation + 1,
        ...(patch.password === undefined
          ? {}
          : { passwordHash: await this.passwords.hash(patch.password), passwordChangedAt: new Date().toISOString() }),
      };
      if (isActiveAdmin(before) && !isActiveAdmin(after)) requireAnotherAdmin(id, all);
      return after;
    });
  }

  async deleteUser(id: string): Promise<void> {
    await this.#users.change(id, async (before) => {
      if (!before) throw new ClusterError('NOT_FOUND', `No user ${id}`);
      const all = (await this.#users.allHeld()).map((one) => one.record);
      if (isActiveAdmin(before)) requireAnotherAdmin(id, all);
      return null;
    });
  }

  async verify(username: string, password: string): Promise<UserRecord | null> {
    const user = (await this.users()).find((one) => one.username === username);
    if (!user || user.disabled || user.passwordHash === null) {
      await this.passwords.spendVerification(password);
      return null;
    }
    return (await this.passwords.verify(password, user.passwordHash)) ? user : null;
  }

  apiKeys(): Promise<readonly ApiKeyRecord[]> {
    return this.#keys.all();
  }

  async createApiKey(input: NewApiKey) {
    const secret = `rdb_${randomBytes(30).toString('base64url')}`;
    const record = newApiKey(secret, input);
    await this.#keys.create(record.id, record);
    return { record, secret };
  }

  /** A key whose secret the operator chose (start-up); nothing happens when it is already there. */
  async ensureApiKey(secret: string, name: string): Promise<void> {
    const input = { name, role: 'admin', expiresAt: null, by: 'first start', person: null } as const;
    const record = newApiKey(secret, input);
    await this.#keys.put(record.id, 0, record);
  }

  revokeApiKey(id: string): Promise<ApiKeyRecord> {
    return this.#keys.change(id, (before) => {
      if (!before) throw new ClusterError('NOT_FOUND', `No API key ${id}`);
      return { ...before, revoked: true };
    });
  }

  async keyStandings(): Promise<ReadonlyMap<string, KeyStanding>> {
    const [all, users] = await Promise.all([this.apiKeys(), this.users()]);
    return new Map(all.map((one) => [one.id, standingOf(one, all, users, Date.now())]));
  }

  async standing(made: Parameters<typeof standingOf>[0]): Promise<KeyStanding> {
    const [all, users] = await Promise.all([this.apiKeys(), this.users()]);
    return standingOf(made, all, users, Date.now());
  }

  async personBehind({ kind, id }: Pick<NamedIdentity, 'kind' | 'id'>): Promise<Person | null> {
    if (kind === 'api-key') return (await this.keyStandings()).get(id)?.person ?? null;
    const user = await this.user(id);
    return user && { user: user.id, since: user.createdAt };
  }

  /** Null: no such key. */
  async findBySecret(secret: string): Promise<{ record: ApiKeyRecord; standing: KeyStanding } | null> {
    const hash = hashSecret(secret);
    const [all, users] = await Promise.all([this.apiKeys(), this.users()]);
    const record = all.find((one) => one.secretHash === hash);
    return record ? { record, standing: standingOf(record, all, users, Date.now()) } : null;
  }

  #changeUser(
    id: string,
    change: (before: UserRecord, all: readonly UserRecord[]) => Promise<UserRecord>,
  ): Promise<UserRecord> {
    return this.#users.change(id, async (before) => {
      if (!before) throw new ClusterError('NOT_FOUND', `No user ${id}`);
      return change(before, await this.users());
    });
  }
}

function newApiKey(secret: string, input: NewApiKey): ApiKeyRecord {
  const secretHash = hashSecret(secret);
  return {
    // The id follows from the secret: the same secret can't make two keys.
    id: secretHash.slice(0, 16),
    name: input.name,
    prefix: secret.slice(0, 8),
    role: input.role,
    groups: input.groups ?? null,
    secretHash,
    createdAt: new Date().toISOString(),
    createdBy: input.by,
    ...(input.person === undefined ? {} : { person: input.person }),
    expiresAt: input.expiresAt,
    revoked: false,
  };
}

export function hashSecret(secret: string): string {
  return createHash('sha256').update(secret).digest('hex');
}

export function newUser(input: {
  readonly username: string;
  readonly role: Role;
  readonly by: string;
  readonly passwordHash: string | null;
  readonly external?: ExternalIdentity;
}): UserRecord {
  const now = new Date().toISOString();
  return {
    id: input.username,
    username: input.username,
    role: input.role,
    disabled: false,
    passwordHash: input.passwordHash,
    external: input.external ?? null,
    // Never the number of an account of this name that was deleted: its sessions must stay void.
    generation: Date.now(),
    createdAt: now,
    createdBy: input.by,
    passwordChangedAt: now,
  };
}

function userExists(username: string): ClusterError {
  return new ClusterError('CONFLICT', `User ${username} already exists`);
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
