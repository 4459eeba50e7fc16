/** From the headers of a request to an identity: API key first, then session cookie. */
import type { IncomingHttpHeaders } from 'node:http';
import { ClusterError } from '@/engine/kernel/errors';
import type { StoredAccounts } from './accounts';
import type { Identity } from './api';
import type { BreakGlass } from './break-glass';
import type { Sessions } from './sessions';

export type Identified = { readonly identity: Identity; readonly byCookie: boolean };

const anonymous: Identified = { identity: { kind: 'anonymous' }, byCookie: false };

export class Identifier {
  constructor(
    private readonly accounts: StoredAccounts,
    private readonly sessions: Sessions,
    private readonly breakGlass: BreakGlass,
  ) {}

  /** @throws UNAUTHORIZED when a key is sent that is not valid: a wrong key is not the same as none. */
  async identify(headers: IncomingHttpHeaders): Promise<Identified> {
    const secret = apiKeyOf(headers);
    if (secret !== null) return { identity: await this.#byKey(secret), byCookie: false };
    const token = cookieOf(headers.cookie, this.sessions.cookieName);
    if (token === null) return anonymous;
    const identity = await this.sessions.identify(token);
    return identity ? { identity, byCookie: true } : anonymous;
  }

  async #byKey(secret: string): Promise<Identity> {
    const broken = this.breakGlass.identify(secret);
    if (broken !== null) return broken;
    const found = await this.accounts.findBySecret(secret);
    if (!found) throw new ClusterError('UNAUTHORIZED', 'The API key is not valid: nobody knows it here');
    const { record, standing } = found;
    if (standing.ended !== null) {
      throw new ClusterError('UNAUTHORIZED', `The API key is not valid any more: ${standing.ended}`);
    }
    const { id, name, groups = null, expiresAt } = record;
    return { kind: 'api-key', id, name, role: standing.role, groups, expiresAt };
  }
}

function apiKeyOf(headers: IncomingHttpHeaders): string | null {
  const header = headers['x-api-key'];
  if (typeof header === 'string' && header !== '') return header;
  const match = /^bearer +(\S+)$/i.exec(headers.authorization ?? '');
  return match?.[1] ?? null;
}

export function cookieOf(header: string | undefined, name: string): string | null {
  for (const part of (header ?? '').split(';')) {
    const [key, ...value] = part.trim().split('=');
    if (key === name && value.length > 0) return value.join('=') || null;
  }
  return null;
}

/**
 * A browser says where a request comes from; a cookie counts only for our own pages. Requests without any such header come from no browser
 * and must carry a header that no form and no cross-site script can set unasked.
 */
export function requireSameSite(headers: IncomingHttpHeaders): void {
  const site = headers['sec-fetch-site'];
  if (site === 'same-origin' || site === 'none') return;
  const origin = headers.origin;
  if (site === undefined && origin === undefined) {
    const json = (headers['content-type'] ?? '').startsWith('application/json');
    if (json || headers['x-rustydb-console'] !== undefined || headers.upgrade !== undefined) return;
  }
  if (site === undefined && origin !== undefined && sameHost(origin, headers.host)) return;
  throw new ClusterError('FORBIDDEN', 'The request comes from another site', {
    reasons: [
      {
        rule: 'same-origin',
        measured: String(origin ?? site ?? 'unknown'),
        limit: 'same-origin',
        remedy: 'Use an API key',
      },
    ],
  });
}

function sameHost(origin: string, host: string | undefined): boolean {
  try {
    return new URL(origin).host === host;
  } catch {
    return false;
  }
}
