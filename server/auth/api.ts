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
  | { readonly kind: 'api-key'; readonly id: string; readonly name: string; readonly role: Role }
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
  /** sha256 of the secret, hex. */
  readonly secretHash: string;
  readonly createdAt: string;
  readonly createdBy: string;
  readonly expiresAt: string | null;
  readonly revoked: boolean;
};

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
  createApiKey(input: {
    name: string;
    role: Role;
    expiresAt: string | null;
    by: string;
  }): Promise<{ record: ApiKeyRecord; secret: string }>;
  revokeApiKey(id: string): Promise<ApiKeyRecord>;
}

export interface SessionKeeper {
  /** Throttled by client address and by name. @throws UNAUTHORIZED, RATE_LIMITED */
  signIn(input: { username: string; password: string; clientAddress: string }): Promise<{
    readonly user: UserRecord;
    readonly cookie: string;
    readonly expiresAt: string;
  }>;
  /** A fresh cookie for the caller after its generation changed. */
  renew(user: UserRecord): Promise<{ readonly cookie: string; readonly expiresAt: string }>;
  signOut(sessionId: string): { readonly cookie: string };
}
