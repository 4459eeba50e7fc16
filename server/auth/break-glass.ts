/**
 * The token for the day when no account can be read: whoever can read the file `secrets/break-glass-token` of this installation is admin here.
 * Invariant: it depends on nothing but that file; every use of it is in this console's audit log (server/surfaces/invoke.ts).
 */
import { createHash, timingSafeEqual } from 'node:crypto';
import { readFileSync, statSync } from 'node:fs';
import type { Logger } from '@/engine/kernel/log';
import type { Identity, NamedIdentity } from './api';

const prefix = 'rdbbg_';
const identity = { kind: 'api-key', id: 'break-glass', name: 'break-glass', role: 'admin' } as const satisfies Identity;

export function isBreakGlass(one: Identity | Pick<NamedIdentity, 'kind' | 'id'>): boolean {
  return one.kind === 'api-key' && one.id === identity.id;
}

export class BreakGlass {
  constructor(
    private readonly file: string | null,
    private readonly logger: Logger,
  ) {}

  /** Null: not the token. Reads the file each time, so that a new token counts at once and a deleted one no more. */
  identify(secret: string): Identity | null {
    if (this.file === null || !secret.startsWith(prefix)) return null;
    try {
      if ((statSync(this.file).mode & 0o077) !== 0) {
        this.logger.error({ file: this.file }, 'others may read the break-glass token: it is not accepted; chmod 600');
        return null;
      }
      const token = readFileSync(this.file, 'utf8').trim();
      return token.startsWith(prefix) && timingSafeEqual(digest(token), digest(secret)) ? identity : null;
    } catch {
      // No file: no token.
      return null;
    }
  }
}

function digest(text: string): Buffer {
  return createHash('sha256').update(text).digest();
}
