/** The signed cookie of a session: which user, which session, which generation of the account. Holds nothing secret but its signature. */
import { jwtVerify, SignJWT } from 'jose';
import type { SessionRecord } from './api';

export type TokenClaims = {
  readonly userId: string;
  readonly sessionId: string;
  readonly generation: number;
  readonly provedAt: string;
  readonly expiresAt: string;
};

export function signToken(record: SessionRecord, secret: Uint8Array): Promise<string> {
  return new SignJWT({
    sid: record.id,
    gen: record.generation,
    prf: Math.floor(Date.parse(record.reauthenticatedAt) / 1000),
  })
    .setProtectedHeader({ alg: 'HS256' })
    .setSubject(record.userId)
    .setIssuedAt(Math.floor(Date.parse(record.createdAt) / 1000))
    .setExpirationTime(Math.floor(Date.parse(record.expiresAt) / 1000))
    .sign(secret);
}

/** Null: not ours, changed, or run out. */
export async function readToken(token: string, secret: Uint8Array): Promise<TokenClaims | null> {
  const verified = await jwtVerify(token, secret, { algorithms: ['HS256'] }).catch(() => null);
  if (!verified) return null;
  const { sub, sid, gen, exp, prf } = verified.payload;
  if (typeof sub !== 'string' || typeof sid !== 'string' || typeof gen !== 'number') return null;
  if (exp === undefined || typeof prf !== 'number') return null;
  return {
    userId: sub,
    sessionId: sid,
    generation: gen,
    provedAt: new Date(prf * 1000).toISOString(),
    expiresAt: new Date(exp * 1000).toISOString(),
  };
}
