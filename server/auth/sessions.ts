/**
 * Browser sessions: a signed token in an HttpOnly cookie, and a record in the control store by which people see and end their sessions.
 * Invariants: a session that was ended is refused on every console (`ended-sessions/`); a change of password, role or state of the account
 * raises its generation and so ends all older sessions; signing in works without a majority (the record follows, session-backlog.ts).
 */
import { randomUUID } from 'node:crypto';
import { RateLimiterMemory, type RateLimiterRes } from 'rate-limiter-flexible';
import { keys } from '@/engine/cluster/model';
import { ClusterError } from '@/engine/kernel/errors';
import type { EngineClient } from '@/server/engine-client/api';
import type { StoredAccounts } from './accounts';
import type { ClientFacts, Identity, PasswordProof, SessionKeeper, SessionRecord, UserRecord } from './api';
import { ControlRecords } from './control-records';
import type { Lockouts } from './lockouts';
import { rateLimited } from './rate-limits';
import { SessionBacklog } from './session-backlog';
import { readToken, signToken } from './session-tokens';

const sessionHours = 12;
/** Wrong passwords per name and address, and per address, in a quarter of an hour. */
const forgivenLimit = 1000;
const failuresPerName = 10;
const failuresPerAddress = 50;
/** The oldest of a user's sessions ends when there are more. */
const sessionsPerUser = 50;
/** Signing in must not wait for an election. */
const storeTimeoutMs = 1500;
const endedFreshMs = 250;
const batchLimit = 200;
const tidyAfterMs = 300_000;

export type SessionOptions = {
  readonly engine: EngineClient;
  readonly accounts: StoredAccounts;
  readonly lockouts: Lockouts;
  readonly secret: Uint8Array;
  /** Cookies are shared between the ports of a host, so each cluster has its own name. */
  readonly cookieName: string;
  readonly secure: boolean;
  readonly backlogFile: string;
};

/** Stored under ended-sessions/<id> until the token would have run out. */
type EndedSession = { readonly until: number };

export class Sessions implements SessionKeeper {
  readonly #byName = new RateLimiterMemory({ keyPrefix: 'name', points: failuresPerName, duration: 900 });
  readonly #byAddress = new RateLimiterMemory({ keyPrefix: 'address', points: failuresPerAddress, duration: 900 });
  /** Of a name at an address: until when failures are forgiven here. */
  readonly #forgiven = new Map<string, number>();
  readonly #backlog: SessionBacklog;
  readonly #records: ControlRecords<SessionRecord>;
  readonly #ended: ControlRecords<EndedSession>;
  readonly #listeners = new Set<() => void>();

  constructor(private readonly options: SessionOptions) {
    this.#backlog = new SessionBacklog(options.backlogFile);
    this.#records = new ControlRecords(options.engine, keys.sessions);
    this.#ended = new ControlRecords(options.engine, keys.endedSessions, {
      freshMs: endedFreshMs,
      onChange: () => this.#tell(),
    });
  }

  get cookieName(): string {
    return this.options.cookieName;
  }

  /** Calls back when a session is seen to have ended, here or on another console. */
  onChange(listener: () => void): () => void {
    this.#listeners.add(listener);
    return () => this.#listeners.delete(listener);
  }

  refresh(): Promise<void> {
    return this.#ended.refresh();
  }

  async signIn(input: { username: string; password: string } & ClientFacts) {
    const user = await this.#verify(input);
    if (!user) throw new ClusterError('UNAUTHORIZED', 'Name or password is wrong');
    return { user, ...(await this.#begin(user, input)) };
  }

  async reauthenticate(input: PasswordProof) {
    if ((await this.#verify({ ...input, username: input.userId })) === null) {
      throw new ClusterError('FORBIDDEN', `${input.field}: is not your password`);
    }
    await this.markProved(input.sessionId);
  }

  /** @throws UNAVAILABLE without a majority, which what needs the proof would be refused by anyway */
  async markProved(sessionId: string): Promise<void> {
    const reauthenticatedAt = new Date().toISOString();
    await this.#records.change(sessionId, (before) => {
      const known = before ?? this.#backlog.begun.find((one) => one.id === sessionId);
      if (!known) throw new ClusterError('NOT_FOUND', `No session ${sessionId}: sign in again`);
      return { ...known, reauthenticatedAt };
    });
  }

  async provedAt(sessionId: string): Promise<string | null> {
    const begun = this.#backlog.begun.find((one) => one.id === sessionId);
    return ((await this.#records.get(sessionId)) ?? begun)?.reauthenticatedAt ?? null;
  }

  /**
   * Throttled and counted; null: not the password of that name. An attempt counts as a failure until it is known to be none: many at once would
   * all be tried otherwise.
   */
  async #verify(input: { username: string; password: string; clientAddress: string }): Promise<UserRecord | null> {
    const { username, password, clientAddress } = input;
    const { accounts, lockouts } = this.options;
    const name = `${username.toLowerCase()}/${clientAddress}`;
    await this.#forgetForgiven(name, username, clientAddress);
    await count(this.#byName, name, failuresPerName);
    try {
      await count(this.#byAddress, clientAddress, failuresPerAddress);
    } catch (refused) {
      await this.#byName.reward(name);
      throw refused;
    }
    try {
      await lockouts.refuseLocked(username, clientAddress);
      const user = await accounts.verify(username, password);
      if (user === null) {
        await lockouts.countFailure(username, clientAddress);
        return null;
      }
      // Locked while the password was looked at: guesses made side by side do not get past the lock.
      await lockouts.refuseLocked(username, clientAddress);
      await Promise.all([
        this.#byName.delete(name),
        this.#byAddress.reward(clientAddress),
        lockouts.countSuccess(username),
      ]);
      return user;
    } catch (refused) {
      // Whoever asked has learned nothing about the password.
      await Promise.all([this.#byName.reward(name), this.#byAddress.reward(clientAddress)]);
      throw refused;
    }
  }

  /** Once for each time that an admin unlocked the name or the address, on any console. */
  async #forgetForgiven(name: string, username: string, clientAddress: string): Promise<void> {
    // Without a node to ask nothing is forgiven.
    const at = await this.options.lockouts.forgivenAt(username, clientAddress).catch(() => 0);
    if (at <= (this.#forgiven.get(name) ?? 0)) return;
    if (this.#forgiven.size >= forgivenLimit) this.#forgiven.clear();
    this.#forgiven.set(name, at);
    await Promise.all([this.#byName.delete(name), this.#byAddress.delete(clientAddress)]);
  }

  renew(user: UserRecord, client: ClientFacts) {
    return this.#begin(user, client);
  }

  async signOut(sessionId: string): Promise<{ readonly cookie: string }> {
    await this.#endNow([{ id: sessionId, until: Date.now() + sessionHours * 3_600_000 }], true);
    return { cookie: `${this.cookieName}=; ${this.#attributes(0)}` };
  }

  async list(userId: string | null): Promise<readonly SessionRecord[]> {
    const now = Date.now();
    const [stored, users, ended] = await Promise.all([
      this.#records.all(),
      this.options.accounts.users(),
      this.#ended.byId(),
    ]);
    const all = new Map([...stored, ...this.#backlog.begun].map((one) => [one.id, one]));
    return [...all.values()].filter((one) => {
      if (userId !== null && one.userId !== userId) return false;
      if (Date.parse(one.expiresAt) <= now || ended.has(one.id) || this.#backlog.hasEnded(one.id)) return false;
      const user = users.find((other) => other.id === one.userId);
      return user !== undefined && !user.disabled && user.generation === one.generation;
    });
  }

  async end(id: string): Promise<SessionRecord> {
    const record = (await this.list(null)).find((one) => one.id === id);
    if (!record) throw new ClusterError('NOT_FOUND', `No session ${id}`);
    await this.#endNow([{ id, until: Date.parse(record.expiresAt) }], false);
    return record;
  }

  async endAll(userId: string, keep: string | null): Promise<number> {
    const found = (await this.list(userId)).filter((one) => one.id !== keep);
    const ends = found.map((one) => ({ id: one.id, until: Date.parse(one.expiresAt) }));
    for (let at = 0; at < ends.length; at += batchLimit) await this.#endNow(ends.slice(at, at + batchLimit), false);
    return found.length;
  }

  /** Null: no valid session. */
  async identify(token: string): Promise<Identity | null> {
    const claims = await readToken(token, this.options.secret);
    if (!claims || this.#backlog.hasEnded(claims.sessionId)) return null;
    if ((await this.#ended.get(claims.sessionId)) !== null) return null;
    const user = await this.options.accounts.user(claims.userId);
    if (!user || user.disabled || user.generation !== claims.generation) return null;
    return {
      kind: 'user',
      id: user.id,
      name: user.username,
      role: user.role,
      sessionId: claims.sessionId,
      sessionExpiresAt: claims.expiresAt,
      provedAt: claims.provedAt,
    };
  }

  /** Stores what waits and removes what has run out. @throws UNAVAILABLE without a majority */
  async tidy(): Promise<ReadonlySet<string>> {
    await this.#flushBacklog();
    const now = Date.now();
    const held = new Set((await this.list(null)).map((one) => one.id));
    const ended = [...(await this.#ended.byId())].filter(([, one]) => one.until < now).map(([id]) => id);
    // A record that is new may belong to an account whose change this replica has not seen yet.
    const gone = [...(await this.#records.byId())]
      .filter(([id, one]) => !held.has(id) && Date.parse(one.createdAt) < now - tidyAfterMs)
      .map(([id]) => id);
    await this.#ended.write(ended.slice(0, batchLimit).map((id) => this.#ended.removing(id)));
    await this.#records.write(gone.slice(0, batchLimit).map((id) => this.#records.removing(id)));
    return held;
  }

  /** For who was identified by somebody else; `provedAt`: when credentials were really asked for. */
  beginProved(user: UserRecord, client: ClientFacts, provedAt: Date) {
    return this.#begin(user, client, provedAt);
  }

  async #begin(user: UserRecord, client: ClientFacts, provedAt?: Date) {
    const now = Math.floor(Date.now() / 1000) * 1000;
    const record: SessionRecord = {
      id: randomUUID(),
      userId: user.id,
      generation: user.generation,
      createdAt: new Date(now).toISOString(),
      expiresAt: new Date(now + sessionHours * 3_600_000).toISOString(),
      clientAddress: client.clientAddress,
      userAgent: client.userAgent,
      reauthenticatedAt: (provedAt ?? new Date(now)).toISOString(),
    };
    try {
      await this.#records.put(record.id, 0, record, storeTimeoutMs);
      await this.#endOldest(user.id);
    } catch {
      this.#backlog.begin(record);
    }
    const cookie = `${this.cookieName}=${await signToken(record, this.options.secret)}; ${this.#attributes(sessionHours * 3600)}`;
    return { cookie, expiresAt: record.expiresAt };
  }

  async #endOldest(userId: string): Promise<void> {
    const own = [...(await this.list(userId))].sort((a, b) => (a.createdAt < b.createdAt ? 1 : -1));
    const surplus = own.slice(sessionsPerUser);
    await this.#endNow(
      surplus.map((one) => ({ id: one.id, until: Date.parse(one.expiresAt) })),
      true,
    );
  }

  /** `orLater`: without a majority it holds on this console at once and on the others when the majority is back. */
  async #endNow(ends: readonly { readonly id: string; readonly until: number }[], orLater: boolean): Promise<void> {
    if (ends.length === 0) return;
    const mutations = ends.flatMap(({ id, until }) => [this.#ended.putting(id, { until }), this.#records.removing(id)]);
    try {
      const result = await this.options.engine.leader('store.txn', { compare: [], mutations }, storeTimeoutMs * 2);
      this.#records.note(mutations, result.revision);
      this.#ended.note(mutations, result.revision);
    } catch (error) {
      if (!orLater) throw error;
      for (const { id, until } of ends) this.#backlog.end(id, until);
      this.#tell();
    }
  }

  async #flushBacklog(): Promise<void> {
    const begun = this.#backlog.begun.slice(0, batchLimit);
    const ended = this.#backlog.ended.slice(0, batchLimit);
    if (begun.length + ended.length === 0) return;
    await this.#records.write(begun.map((one) => this.#records.putting(one.id, one)));
    await this.#ended.write(ended.map(([id, until]) => this.#ended.putting(id, { until })));
    this.#backlog.stored(
      begun.map((one) => one.id),
      ended.map(([id]) => id),
    );
  }

  #tell(): void {
    for (const listener of this.#listeners) listener();
  }

  #attributes(maxAge: number): string {
    return `Path=/; HttpOnly; SameSite=Strict; Max-Age=${maxAge}${this.options.secure ? '; Secure' : ''}`;
  }
}

/** @throws RATE_LIMITED over the limit */
async function count(limiter: RateLimiterMemory, key: string, limit: number): Promise<void> {
  try {
    await limiter.consume(key);
  } catch (refused) {
    throw rateLimited(refused as RateLimiterRes, limit);
  }
}
