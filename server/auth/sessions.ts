/**
 * Browser sessions: a signed token in an HttpOnly cookie. It names user, session and the user's generation; a change of password, role or
 * state raises the generation and so ends all older sessions, on every console, without any list of sessions.
 */
import { readFileSync, writeFileSync } from 'node:fs';
import { jwtVerify, SignJWT } from 'jose';
import { RateLimiterMemory, type RateLimiterRes } from 'rate-limiter-flexible';
import { ClusterError } from '@/engine/kernel/errors';
import { newSessionId, type StoredAccounts } from './accounts';
import type { Identity, SessionKeeper, UserRecord } from './api';
import { rateLimited } from './rate-limits';

const sessionHours = 12;
/** Wrong passwords per name and address, and per address, in a quarter of an hour. */
const failuresPerName = 10;
const failuresPerAddress = 50;
const revokedLimit = 10_000;

export type SessionOptions = {
  readonly accounts: StoredAccounts;
  readonly secret: Uint8Array;
  /** Cookies are shared between the ports of a host, so each cluster has its own name. */
  readonly cookieName: string;
  readonly secure: boolean;
  /** Signed-out sessions are kept here until they would have run out. */
  readonly revokedFile: string;
};

export class Sessions implements SessionKeeper {
  readonly #byName = new RateLimiterMemory({ keyPrefix: 'name', points: failuresPerName, duration: 900 });
  readonly #byAddress = new RateLimiterMemory({ keyPrefix: 'address', points: failuresPerAddress, duration: 900 });
  readonly #revoked: Map<string, number>;

  constructor(private readonly options: SessionOptions) {
    this.#revoked = readRevoked(options.revokedFile);
  }

  get cookieName(): string {
    return this.options.cookieName;
  }

  async signIn(input: { username: string; password: string; clientAddress: string }) {
    const name = `${input.username.toLowerCase()}/${input.clientAddress}`;
    await this.#refuseWhenThrottled(this.#byName, name, failuresPerName);
    await this.#refuseWhenThrottled(this.#byAddress, input.clientAddress, failuresPerAddress);
    const user = await this.options.accounts.verify(input.username, input.password);
    if (!user) {
      await Promise.allSettled([this.#byName.consume(name), this.#byAddress.consume(input.clientAddress)]);
      throw new ClusterError('UNAUTHORIZED', 'Name or password is wrong');
    }
    await this.#byName.delete(name);
    return { user, ...(await this.#issue(user)) };
  }

  renew(user: UserRecord) {
    return this.#issue(user);
  }

  signOut(sessionId: string): { readonly cookie: string } {
    const now = Date.now();
    for (const [id, until] of this.#revoked) if (until < now) this.#revoked.delete(id);
    if (this.#revoked.size < revokedLimit) this.#revoked.set(sessionId, now + sessionHours * 3_600_000);
    writeFileSync(this.options.revokedFile, JSON.stringify([...this.#revoked]), { mode: 0o600 });
    return { cookie: `${this.cookieName}=; ${this.#attributes(0)}` };
  }

  /** Null: no valid session. */
  async identify(token: string): Promise<Identity | null> {
    const claims = await jwtVerify(token, this.options.secret, { algorithms: ['HS256'] }).catch(() => null);
    if (!claims) return null;
    const { sub, sid, gen, exp } = claims.payload;
    if (typeof sub !== 'string' || typeof sid !== 'string' || exp === undefined || this.#revoked.has(sid)) return null;
    const user = await this.options.accounts.user(sub);
    if (!user || user.disabled || user.generation !== gen) return null;
    return {
      kind: 'user',
      id: user.id,
      name: user.username,
      role: user.role,
      sessionId: sid,
      sessionExpiresAt: new Date(exp * 1000).toISOString(),
    };
  }

  async #issue(user: UserRecord): Promise<{ readonly cookie: string; readonly expiresAt: string }> {
    const expires = Math.floor(Date.now() / 1000) + sessionHours * 3600;
    const token = await new SignJWT({ sid: newSessionId(), gen: user.generation })
      .setProtectedHeader({ alg: 'HS256' })
      .setSubject(user.id)
      .setIssuedAt()
      .setExpirationTime(expires)
      .sign(this.options.secret);
    return {
      cookie: `${this.cookieName}=${token}; ${this.#attributes(sessionHours * 3600)}`,
      expiresAt: new Date(expires * 1000).toISOString(),
    };
  }

  #attributes(maxAge: number): string {
    return `Path=/; HttpOnly; SameSite=Strict; Max-Age=${maxAge}${this.options.secure ? '; Secure' : ''}`;
  }

  async #refuseWhenThrottled(limiter: RateLimiterMemory, key: string, limit: number): Promise<void> {
    const state: RateLimiterRes | null = await limiter.get(key);
    if (state && state.consumedPoints >= limit) throw rateLimited(state, limit);
  }
}

function readRevoked(file: string): Map<string, number> {
  try {
    return new Map(JSON.parse(readFileSync(file, 'utf8')) as [string, number][]);
  } catch {
    // First start, or unreadable: a signed-out session then lives until it runs out, at most twelve hours.
    return new Map();
  }
}
