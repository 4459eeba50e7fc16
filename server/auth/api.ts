/** Identities and accounts as the rest of the server sees them. */
import type { Role } from '@/server/procedures/definition';

export type Identity =
  | {
      readonly kind: 'user';
      readonly id: string;
      readonly name: string;
      readonly role: Role;
      readonly sessionId: string;
      readonly sessionExpiresAt: string;
    }
  | {
      readonly kind: 'api-key';
      readonly id: string;
      readonly name: string;
      readonly role: Role;
      /** The only groups this key may see and act on; null or absent: all. */
      readonly groups?: readonly string[] | null;
    }
  | { readonly kind: 'anonymous' };

/** Stored under users/<id>. */
export type UserRecord = {
  readonly id: string;
  readonly username: string;
  readonly role: Role;
  readonly disabled: boolean;
  readonly passwordHash: string;
  /** Sessions of an older generation are void. */
  readonly generation: number;
  readonly createdAt: string;
  readonly createdBy: string;
  readonly passwordChangedAt: string;
};

/** Stored under api-keys/<id>. */
export type ApiKeyRecord = {
  readonly id: string;
  readonly name: string;
  readonly prefix: string;
  readonly role: Role;
  /** Null, or absent in keys of before: every group. */
  readonly groups?: readonly string[] | null;
  /** sha256 of the secret, hex. */
  readonly secretHash: string;
  readonly createdAt: string;
  readonly createdBy: string;
  readonly expiresAt: string | null;
  readonly revoked: boolean;
};

export type NewApiKey = {
  readonly name: string;
  readonly role: Role;
  readonly groups?: readonly string[] | null;
  readonly expiresAt: string | null;
  readonly by: string;
};

/** Stored under sessions/<id>; the signed cookie names the id. */
export type SessionRecord = {
  readonly id: string;
  readonly userId: string;
  /** Void once the user's generation is another. */
  readonly generation: number;
  readonly createdAt: string;
  readonly expiresAt: string;
  readonly clientAddress: string;
  /** The browser's own words, cut. */
  readonly userAgent: string | null;
  /** When the person last proved to be the owner of the account. */
  readonly reauthenticatedAt: string;
};

/** Where and when a session or a key was used last; written in batches, so up to a minute old. */
export type LastUse = { readonly at: string; readonly clientAddress: string };

export type ClientFacts = { readonly clientAddress: string; readonly userAgent: string | null };

export interface AccountDirectory {
  users(): Promise<readonly UserRecord[]>;
  user(id: string): Promise<UserRecord | null>;
  createUser(input: { username: string; password: string; role: Role; by: string }): Promise<UserRecord>;
  updateUser(id: string, patch: { role?: Role; disabled?: boolean; password?: string }): Promise<UserRecord>;
  deleteUser(id: string): Promise<void>;
  changePassword(id: string, current: string, next: string): Promise<UserRecord>;
  /** The user whose password this is, or null. Takes the same time either way. */
  verify(username: string, password: string): Promise<UserRecord | null>;
  apiKeys(): Promise<readonly ApiKeyRecord[]>;
  createApiKey(input: NewApiKey): Promise<{ record: ApiKeyRecord; secret: string }>;
  revokeApiKey(id: string): Promise<ApiKeyRecord>;
}

export interface SessionKeeper {
  /** Throttled by client address and by name. @throws UNAUTHORIZED, RATE_LIMITED */
  signIn(input: { username: string; password: string } & ClientFacts): Promise<{
    readonly user: UserRecord;
    readonly cookie: string;
    readonly expiresAt: string;
  }>;
  /** A fresh session for the caller after its generation changed. */
  renew(user: UserRecord, client: ClientFacts): Promise<{ readonly cookie: string; readonly expiresAt: string }>;
  signOut(sessionId: string): Promise<{ readonly cookie: string }>;
  /** Sessions that still hold, of one user or of all. */
  list(userId: string | null): Promise<readonly SessionRecord[]>;
  /** Ends one; it is refused on every console server from then on. @throws NOT_FOUND */
  end(id: string): Promise<SessionRecord>;
  /** Ends all of a user but the one to keep. @returns how many records there were */
  endAll(userId: string, keep: string | null): Promise<number>;
}

export interface LastUses {
  ofSessions(): Promise<ReadonlyMap<string, LastUse>>;
  ofKeys(): Promise<ReadonlyMap<string, LastUse>>;
}
