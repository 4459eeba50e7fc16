/** Once a minute: last uses are written, what could not be stored before is stored, what has run out is removed. Failing does no harm. */
import type { Logger } from '@/engine/kernel/log';
import type { StoredAccounts } from './accounts';
import type { Approvals } from './approvals';
import type { Invitations } from './invitations';
import type { StoredLastUses } from './last-uses';
import type { Lockouts } from './lockouts';
import type { Sessions } from './sessions';

const everyMs = 60_000;

export class AccessUpkeep {
  #timer: NodeJS.Timeout | null = null;
  #running: Promise<void> | null = null;

  constructor(
    private readonly parts: {
      readonly accounts: StoredAccounts;
      readonly sessions: Sessions;
      readonly uses: StoredLastUses;
      readonly lockouts: Lockouts;
      readonly approvals: Approvals;
      readonly invitations: Invitations;
      readonly once: { tidy(): Promise<void> };
      readonly logger: Logger;
    },
  ) {}

  start(): void {
    this.#timer = setInterval(() => void this.run(), everyMs).unref();
  }

  run(): Promise<void> {
    this.#running ??= this.#run().finally(() => {
      this.#running = null;
    });
    return this.#running;
  }

  /** The last uses of this process are written before it goes. */
  async stop(): Promise<void> {
    if (this.#timer) clearInterval(this.#timer);
    await this.#running;
    await this.parts.uses.flush().catch(() => undefined);
  }

  async #run(): Promise<void> {
    const { accounts, sessions, uses, lockouts, approvals, invitations, once, logger } = this.parts;
    try {
      await uses.flush();
      const held = await sessions.tidy();
      await uses.forget(held, new Set((await accounts.apiKeys()).map((key) => key.id)));
      await lockouts.tidy();
      await approvals.tidy();
      await invitations.tidy();
      await once.tidy();
    } catch (error) {
      logger.debug({ err: error }, 'sessions and last uses could not be tidied; next minute again');
    }
  }
}
