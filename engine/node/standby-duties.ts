/**
 * What a standby keeps ready for the day it is promoted: the other members' slots, no further than those have replayed, so that they can follow it
 * without a new copy and it keeps no WAL that nobody needs; and that nothing left from its own days as primary keeps PostgreSQL from copying the
 * failover slots of users.
 */
import { commitsWait } from '../cluster/core/voter-set';
import type { PostgresReport } from '../cluster/model';
import { closedStandbyNames } from '../postgres/settings';
import { groupFact, type NodeContext, otherMembers } from './node-context';
import { type PrimaryFacts, primaryFactsMethod } from './peer-questions';

const everyMs = 5_000;
const questionTimeoutMs = 1_500;
/** How often PostgreSQL is woken for the same missing copies: a minute's worth. */
const wakesAtMost = 12;

export class StandbyDuties {
  #at = 0;
  #members = '';
  #uncopied = '';
  #wakes = 0;

  constructor(private readonly context: NodeContext) {}

  async cycle(report: PostgresReport, now: number): Promise<void> {
    // Both are tried, whatever becomes of the other.
    await Promise.all([this.#keepNames(report), this.#keepSlots(report, now)]);
  }

  async #keepSlots(report: PostgresReport, now: number): Promise<void> {
    const members = otherMembers(this.context);
    const changed = members.join(',') !== this.#members;
    if (!changed && now - this.#at < everyMs) return;
    const primary = groupFact(this.context)?.record.primary;
    if (!primary || primary === this.context.config.nodeId) return;
    this.#at = now;
    const facts = await this.context.interconnect.request<PrimaryFacts>(
      primary,
      primaryFactsMethod,
      {},
      { timeoutMs: questionTimeoutMs },
    );
    // The primary itself has replayed what it wrote; a later standby of ours, it needs no more than what we have now.
    const positions = { ...facts.replayed, ...(report.replayLsn ? { [primary]: report.replayLsn } : {}) };
    await this.context.postgres.keepSlots(members, positions);
    this.#members = members.join(',');
    await this.#keepSlotCopies(facts);
  }

  /** Where commits wait, a standby has a list too, one that nobody is on: promoted by whatever way, it acknowledges nothing alone. */
  async #keepNames(report: PostgresReport): Promise<void> {
    const { config, postgres, serverQueue, reports } = this.context;
    const isWanted = () => {
      const record = groupFact(this.context)?.record;
      if (!record || record.primary === config.nodeId) return null;
      return commitsWait(record);
    };
    const wait = isWanted();
    if (wait === null || report.synchronousStandbyNames === (wait ? closedStandbyNames : '')) return;
    // Not beside a promotion, which has a list of its own.
    await serverQueue.run(async () => {
      const still = isWanted();
      if (still !== null && (await reports.get(0)).state === 'standby') await postgres.closeStandbyNames(still);
    });
  }

  async #keepSlotCopies({ node, failoverSlots = [] }: PrimaryFacts): Promise<void> {
    const { postgres, logger } = this.context;
    const { dropped, missing } = await postgres.keepSlotCopies(failoverSlots);
    if (dropped.length > 0)
      logger.info(
        { slots: dropped, primary: node },
        'dropped slots left from its days as primary: the primary has them',
      );
    const names = missing.join(',');
    if (names !== this.#uncopied) this.#wakes = 0;
    this.#uncopied = names;
    // A slot that cannot be copied (its consumer stands still) must not reload the server for ever.
    if (missing.length > 0 && this.#wakes++ < wakesAtMost) await postgres.wakeSlotCopying();
  }
}
