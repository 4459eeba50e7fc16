/**
 * What a standby keeps ready for the day it is promoted: the other members' slots, no further than those have replayed, so that they can follow it
 * without a new copy and it keeps no WAL that nobody needs; and copies of the failover slots of users, which PostgreSQL makes as long as it may run
 * (replication/core/copy-rules.ts). Invariant: copying is switched on only after the copies were compared with the slots of the very primary that the
 * group's record names, and off before another is followed.
 */
import { ownShortfall } from '../cluster/core/standby-parameters';
import { commitsWait } from '../cluster/core/voter-set';
import type { PostgresReport } from '../cluster/model';
import type { Epoch } from '../kernel/ids';
import { closedStandbyNames } from '../postgres/settings';
import { CopiedUnder } from './copied-under';
import { groupFact, type NodeContext, otherMembers } from './node-context';
import { type PrimaryFacts, primaryFactsMethod, replayStandsMessage } from './peer-questions';

const everyMs = 5_000;
/** While copies are missing; after `wakesAtMost` looks at the same ones it is `everyMs` again. */
const soonMs = 1_000;
const questionTimeoutMs = 1_500;
/** How often PostgreSQL is woken for the same missing copies: a minute's worth. */
const wakesAtMost = 12;

export class StandbyDuties {
  #at = 0;
  #members = '';
  /** Epoch and life of the server that the last look belongs to: another one begins with its copying off. */
  #looked = '';
  #uncopied = '';
  #told = '';
  #wakes = 0;
  #letGo = false;
  #alone: readonly string[] = [];
  readonly #copiedUnder: CopiedUnder;

  /** `followed`: the epoch whose primary this standby follows, 0 while it follows none. */
  constructor(
    private readonly context: NodeContext,
    private readonly followed: () => Epoch,
  ) {
    this.#copiedUnder = new CopiedUnder(context.config.nodeDirectory, context.files);
  }

  /** Failover slots and ready copies that the primary has none of. */
  get slotsKept(): readonly string[] {
    return this.#alone;
  }

  async cycle(report: PostgresReport, now: number): Promise<void> {
    this.#tellWhetherReplayStands(report);
    // Both are tried, whatever becomes of the other.
    await Promise.all([this.#keepNames(report), this.#keepSlots(report, now)]);
  }

  #tellWhetherReplayStands({ replayPaused, parameters }: PostgresReport): void {
    const primary = groupFact(this.context)?.record.primary;
    if (!primary || !replayPaused || ownShortfall(parameters).length === 0) return;
    this.context.interconnect.send(primary, replayStandsMessage, {});
  }

  async #keepSlots(report: PostgresReport, now: number): Promise<void> {
    const members = otherMembers(this.context);
    const record = groupFact(this.context)?.record;
    const looked = `${record?.epoch} ${this.followed()} ${report.postmasterPid}`;
    const changed = members.join(',') !== this.#members || looked !== this.#looked;
    const waiting = this.#uncopied !== '' && this.#wakes < wakesAtMost;
    if (!changed && now - this.#at < (waiting ? soonMs : everyMs)) return;
    const primary = record?.primary;
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
    this.#looked = looked;
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

  /** What the primary has no slot for is given up at the next look: somebody asked for it, or knows that the slot was dropped. */
  letGo(): void {
    this.#letGo = true;
    this.#looked = '';
  }

  async #keepSlotCopies(facts: PrimaryFacts): Promise<void> {
    const { postgres, logger } = this.context;
    const { node, epoch, failoverSlots } = facts;
    if (failoverSlots === undefined || !facts.healthy || !this.#isCurrent(epoch)) return;
    const letGo = this.#letGo;
    const copiedUnder = this.#copiedUnder.read();
    const question = { onPrimary: failoverSlots, epoch, copiedUnder, letGo };
    const found = await postgres.keepSlotCopies(
      question,
      () => this.#isCurrent(epoch),
      () => this.#copiedUnder.write(epoch),
    );
    if (found === null) return;
    if (letGo) this.#letGo = false;
    const { exchanged, kept, left, missing } = found;
    this.#alone = [...kept, ...left].sort();
    if (exchanged.length > 0)
      logger.info({ slots: exchanged, primary: node }, 'slots of its days as primary give way to copies');
    if (kept.join(',') !== this.#told && kept.length > 0)
      logger.warn(
        { slots: kept, primary: node },
        'keeps copies of slots that the new primary does not have; no slot is copied meanwhile',
      );
    this.#told = kept.join(',');
    const names = missing.join(',');
    if (names !== this.#uncopied) this.#wakes = 0;
    this.#uncopied = names;
    // A slot that cannot be copied (its consumer stands still) must not reload the server for ever.
    if (missing.length > 0 && this.#wakes++ < wakesAtMost) await postgres.wakeSlotCopying();
  }

  #isCurrent(epoch: Epoch): boolean {
    return groupFact(this.context)?.record.epoch === epoch && this.followed() === epoch;
  }
}
