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
      /** When credentials were given for this session, as its token knows; its record may know better. */
      readonly provedAt: string;
    }
  | {
      readonly kind: 'api-key';
      readonly id: string;
      readonly name: string;
      readonly role: Role;
      /** The only groups this key may see and act on; null or absent: all. */
      readonly groups?: readonly string[] | null;
      /** When it runs out by itself; null or absent: never. */
      readonly expiresAt?: string | null;
    }
  | { readonly kind: 'anonymous' };

export type NamedIdentity = Exclude<Identity, { kind: 'anonymous' }>;

/** A user, as this account of that name: one that is made anew under the name is somebody else. */
export type Person = { readonly user: string; readonly since: string };

export type ExternalIdentity = { readonly issuer: string; readonly subject: string };

/** Stored under users/<id>. */
export type UserRecord = {
  readonly id: string;
  readonly username: string;
  readonly role: Role;
  readonly disabled: boolean;
  /** Null: signs in with an identity provider only. */
  readonly passwordHash: string | null;
  /** The identity at a provider that is this account. */
  readonly external?: ExternalIdentity | null;
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
  /** Who stands behind it, inherited from the key that made it; null: nobody; absent in keys of before (key-standing.ts). */
  readonly person?: Person | null;
  readonly expiresAt: string | null;
  readonly revoked: boolean;
};

/** What a key is worth now. */
export type KeyStanding = {
  readonly person: Person | null;
  /** Never more than the person behind it has at present. */
  readonly role: Role;
  /** Why it is refused; null: it works. */
  readonly ended: string | null;
};

export type NewUser = {
  readonly username: string;
  readonly password: string | null;
  readonly role: Role;
  readonly by: string;
  readonly external?: ExternalIdentity;
};

export type UserPatch = {
  readonly role?: Role | undefined;
  readonly disabled?: boolean | undefined;
  readonly password?: string | undefined;
  readonly external?: ExternalIdentity | undefined;
};

export type NewApiKey = {
  readonly name: string;
  readonly role: Role;
  readonly groups?: readonly string[] | null;
  readonly expiresAt: string | null;
  readonly by: string;
  readonly person?: Person | null;
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
  createUser(input: NewUser): Promise<UserRecord>;
  updateUser(id: string, patch: UserPatch): Promise<UserRecord>;
  deleteUser(id: string): Promise<void>;
  /** The user whose password this is, or null. Takes the same time either way. */
  verify(username: string, password: string): Promise<UserRecord | null>;
  apiKeys(): Promise<readonly ApiKeyRecord[]>;
  /** Of all keys, by id. */
  keyStandings(): Promise<ReadonlyMap<string, KeyStanding>>;
  /** The person who asks, or who stands behind the key that asks; null: nobody that is known here. */
  personBehind(identity: Pick<NamedIdentity, 'kind' | 'id'>): Promise<Person | null>;
  createApiKey(input: NewApiKey): Promise<{ record: ApiKeyRecord; secret: string }>;
  revokeApiKey(id: string): Promise<ApiKeyRecord>;
}

export type PasswordProof = {
  readonly userId: string;
  readonly sessionId: string;
  readonly password: string;
  readonly clientAddress: string;
  /** What the caller's input calls the password. */
  readonly field: string;
};

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
  /** The person proved anew to own the account. @throws FORBIDDEN for a wrong password, RATE_LIMITED */
  reauthenticate(input: PasswordProof): Promise<void>;
  /** When the person behind a session last proved it. */
  provedAt(sessionId: string): Promise<string | null>;
  /** Ends all of a user but the one to keep. @returns how many records there were */
  endAll(userId: string, keep: string | null): Promise<number>;
}

export interface LastUses {
  ofSessions(): Promise<ReadonlyMap<string, LastUse>>;
  ofKeys(): Promise<ReadonlyMap<string, LastUse>>;
}

/** Stored under lockouts/<kind>:<subject>. */
export type LockoutRecord = {
  readonly kind: 'account' | 'address';
  readonly subject: string;
  readonly failures: number;
  readonly firstFailureAt: string;
  readonly lastFailureAt: string;
  readonly lockedUntil: string | null;
  /** When an admin last forgave the failures before: each console then forgets what it counted itself. */
  readonly unlockedAt?: string | undefined;
};

export interface LockoutDirectory {
  /** What is locked or being counted now. */
  list(): Promise<readonly LockoutRecord[]>;
  /** @throws NOT_FOUND */
  unlock(id: string): Promise<LockoutRecord>;
}

/** Stored under access-policy/current. */
export type AccessPolicy = {
  /** A force path needs a password given not longer ago. */
  readonly reauthenticateMinutes: number;
  /** Keys must send `confirm` with the name of what a force path hits. */
  readonly keysConfirmForce: boolean;
  /** A force path waits until another admin approves it. */
  readonly forceNeedsApproval: boolean;
  readonly approvalMinutes: number;
};

export interface AccessPolicyStore {
  get(): Promise<AccessPolicy>;
  update(patch: Partial<AccessPolicy>): Promise<AccessPolicy>;
}

/** The plan as it was shown when approval was asked for. */
export type ApprovalPlan = {
  readonly hash: string;
  readonly group: string | null;
  readonly steps: readonly string[];
  readonly expectedPauseMs: number | null;
  readonly bytesAtRisk: number | null;
};

/** Stored under approvals/<id>. */
export type ApprovalRecord = {
  readonly id: string;
  readonly procedure: string;
  readonly input: Readonly<Record<string, unknown>>;
  readonly plan: ApprovalPlan | null;
  readonly requester: {
    readonly kind: 'user' | 'api-key';
    readonly id: string;
    readonly name: string;
    readonly role: Role;
    readonly groups: readonly string[] | null;
  };
  /** Who stands behind the requester. */
  readonly person: string;
  readonly createdAt: string;
  readonly expiresAt: string;
  readonly state: 'pending' | 'approved' | 'executed' | 'rejected' | 'expired' | 'failed';
  readonly decidedBy: string | null;
  readonly decidedAt: string | null;
  readonly comment: string | null;
  readonly operationId: string | null;
  readonly error: { readonly code: string; readonly message: string } | null;
};

export interface ApprovalDirectory {
  list(): Promise<readonly ApprovalRecord[]>;
  get(id: string): Promise<ApprovalRecord | null>;
  /** Approves and runs it. @throws NOT_FOUND, CONFLICT (decided already, expired), FORBIDDEN (own request) */
  approve(id: string, identity: NamedIdentity, comment: string | null): Promise<ApprovalRecord>;
  reject(id: string, identity: NamedIdentity, comment: string | null): Promise<ApprovalRecord>;
}

/** Stored under invitations/<id>. */
export type InvitationRecord = {
  readonly id: string;
  readonly username: string;
  readonly role: Role;
  /** sha256 of the token, hex. */
  readonly tokenHash: string;
  readonly createdBy: string;
  /** As of a key. */
  readonly person?: Person | null;
  readonly createdAt: string;
  readonly expiresAt: string;
  readonly endedAt: string | null;
  readonly accepted: boolean;
};

export interface InvitationDirectory {
  list(): Promise<readonly InvitationRecord[]>;
  /** @throws CONFLICT when the name is taken or invited */
  create(input: {
    username: string;
    role: Role;
    hours: number;
    by: string;
    person?: Person | null;
  }): Promise<{ readonly record: InvitationRecord; readonly token: string }>;
  withdraw(id: string): Promise<InvitationRecord>;
  /** @throws NOT_FOUND for a token that is not, or no longer, good, also because who invited is no admin any more */
  accept(token: string, password: string): Promise<UserRecord>;
}
