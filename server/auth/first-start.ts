/** The first start makes one admin, and one admin key where the operator gave one. Repeating it changes nothing. */
import { keys } from '@/engine/cluster/model';
import type { Logger } from '@/engine/kernel/log';
import type { EngineClient } from '@/server/engine-client/api';
import type { StoredAccounts } from './accounts';

const firstAdmin = 'admin';

export async function ensureFirstAccounts(options: {
  readonly engine: EngineClient;
  readonly accounts: StoredAccounts;
  readonly adminPassword: string;
  readonly apiKey: string | null;
  readonly logger: Logger;
}): Promise<void> {
  const { engine, accounts, logger } = options;
  // Only into an empty directory: an admin who deleted `admin` does not get it back at the next start.
  const users = await engine.leader('store.list', { prefix: keys.users });
  if (users.length === 0) {
    await accounts.createUser({
      username: firstAdmin,
      password: options.adminPassword,
      role: 'admin',
      by: 'first start',
    });
    logger.info({ user: firstAdmin }, 'first start: the admin was created');
  }
  if (options.apiKey !== null) await accounts.ensureApiKey(options.apiKey, 'from the environment');
}
