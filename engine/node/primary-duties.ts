/**
 * What the holder of a group's lease keeps true while its PostgreSQL is primary: the voter set in the store and in PostgreSQL (in the order that
 * keeps every promise quorum and every acknowledgement quorum intersecting), the members' slots, and what the record says about the data.
 * One step per cycle; every step is re-derived from the store and PostgreSQL, so a crash between two of them needs no repair.
 */
import {
  closedSet,
  nextVoterSetAction,
  type StandbyObservation,
  sameSet,
  strangers,
  type VoterSet,
  type VoterSetAction,
} from '../cluster/core/voter-set';
import type { GroupRecord, PostgresReport } from '../cluster/model';
import { messageOf, unreachable } from '../kernel/errors';
import type { Epoch, NodeId } from '../kernel/ids';
import { type Lsn, parseLsn } from '../kernel/lsn';
import { isoTime } from '../kernel/waiting';
import { standbyName } from '../postgres/settings';
import { damageOf } from './core/commit-damage';
import { ReplayStands } from './core/replay-stands';
import type { EarlierLife } from './earlier-life';
import { changeOwnGroup } from './group-transaction';
import type { LeaseHolder } from './lease-holder';
import { clusterConfig, groupFact, groupMembers, type NodeContext, nodeRecord, otherMembers } from './node-context';
import { ReplyClock } from './reply-clock';
import { parseSynchronousStandbyNames } from './synchronous-names';

const slotsEveryMs = 5_000;
/** The first look comes a while after a change of primary, which has more urgent sessions to open. */
const ownObjectsAfterMs = 5_000;
const ownObjectsEveryMs = 60_000;

type Barrier = { readonly postgres: VoterSet; readonly lsn: Lsn };

export class PrimaryDuties {
  #epoch: Epoch | null = null;
  #barrier: Barrier | null = null;
  /** The setting as read back by us in this life; null: set it again before relying on it. */
  #confirmed: VoterSet | null = null;
  readonly #replies = new ReplyClock();
  readonly #stands = new ReplayStands();
  #slotsAt = 0;
  #ownObjectsAt = 0;
  #slotMembers = '';
  #slotVoters = '';
  #holdsEnded = false;
  #why = '';
  #damage: string | null = null;
  #settled = true;
  #unsureOf: VoterSet | null = null;

  constructor(
    private readonly context: NodeContext,
    private readonly lease: LeaseHolder,
    private readonly earlierLife: EarlierLife,
  ) {}

  /** One human sentence: what commits wait for, or why the set is changing. */
  get why(): string {
    return this.#why;
  }

  /** The voter set stands; nothing to do unless something changes. Also true of a node that is no primary. */
  get settled(): boolean {
    return this.#settled;
  }

  /** After a promotion the new primary has just set and read back its names. */
  promoted(epoch: Epoch, set: VoterSet): void {
    this.#begin(epoch);
    this.#confirmed = set;
    this.#slotVoters = set.members.join(',');
  }

  /** `frozen`: a planned stop is under way, the set stays as it is. */
  async cycle(report: PostgresReport, now: number, frozen: boolean): Promise<void> {
    const fact = groupFact(this.context);
    if (!fact || fact.record.primary !== this.context.config.nodeId || !this.lease.holds(fact.record.epoch)) {
      this.#settled = true;
      this.#damage = null;
      return;
    }
    if (this.#epoch !== fact.record.epoch) this.#begin(fact.record.epoch);
    await this.#describeData(fact.record, report);
    await this.#keepSlots(fact.record, report, now);
    await this.#keepVoters(fact.record, report, now, frozen);
    if (!frozen) this.#keepOwnObjects(now);
  }

  /** Beside everything that keeps data safe, never in its way: a failure is tried again a minute later. */
  #keepOwnObjects(now: number): void {
    const { postgres, logger } = this.context;
    if (now < this.#ownObjectsAt || !postgres.keepOwnObjects) return;
    this.#ownObjectsAt = now + ownObjectsEveryMs;
    postgres.keepOwnObjects().then(
      (changed) => changed.length > 0 && logger.info({ changed }, 'brought to what this release wants'),
      (error: unknown) =>
        logger.warn({ error: messageOf(error) }, 'logins and schema of the engine were not looked at'),
    );
  }

  #begin(epoch: Epoch): void {
    this.#epoch = epoch;
    this.#replies.begin(this.context.loop.now());
    this.#barrier = null;
    this.#confirmed = null;
    this.#slotsAt = 0;
    this.#ownObjectsAt = this.context.loop.now() + ownObjectsAfterMs;
    this.#holdsEnded = false;
  }

  async #keepVoters(record: GroupRecord, report: PostgresReport, now: number, frozen: boolean): Promise<void> {
    // It ends within a second; a group degraded by it could not be served by the standbys that have everything.
    if (this.context.postgres.dataMovedAway()) return;
    const leaseMs = this.#leaseMs();
    const action = nextVoterSetAction({
      mode: record.mode,
      wantedMode: record.wantedMode ?? null,
      onNoStandby: record.onNoStandby,
      leaseMs,
      record: { members: record.voterSet.members, k: record.voterSet.k, promotable: record.promotable },
      postgres: await this.#settingInForce(record, report),
      standbys: this.#observe(record, report, now),
      currentLsn: report.lsn === null ? null : parseLsn(report.lsn),
      barrier: this.#barrier,
      frozen,
    });
    if (action.why !== this.#why) {
      this.context.logger.info({ action: action.kind, why: action.why }, 'voter set');
      this.#why = action.why;
    }
    this.#settled = action.kind === 'settled';
    switch (action.kind) {
      case 'settled':
      case 'wait':
      case 'wait-for-flush':
        return;
      case 'write-store':
        this.#unsureOf = action.voterSet;
        await changeOwnGroup(this.context, record.epoch, (current) =>
          decidedOn(record, current) ? recordAfterAction(current, action) : null,
        );
        this.#unsureOf = null;
        return;
      case 'set-postgres':
        if (!(await this.#storeIsAsDecided(record)) || !this.lease.holds(record.epoch)) return;
        this.#confirmed = null;
        this.#barrier = null;
        await this.#setNames(action.voterSet);
        return;
      case 'take-barrier': {
        const setting = this.#confirmed;
        if (setting) this.#barrier = { postgres: setting, lsn: parseLsn(await this.context.postgres.currentLsn()) };
        return;
      }
      default:
        unreachable(action);
    }
  }

  /**
   * Read through the leader, not from the replica. After a write whose outcome was never learned, and once in the life of an agent (the one before
   * may have left such a write behind), the record is written again as it is: whatever became of that write, it can't be applied any more once
   * PostgreSQL has moved on.
   */
  async #storeIsAsDecided(record: GroupRecord): Promise<boolean> {
    const unsure = this.#unsureOf !== null || this.earlierLife.mayStillWrite;
    const current = await changeOwnGroup(this.context, record.epoch, (found) => (unsure ? { ...found } : null));
    this.#unsureOf = null;
    this.earlierLife.ended();
    return decidedOn(record, current);
  }

  /** A set that a write of unknown outcome may have put into the store: its members may be counted by others already. */
  get unconfirmedSet(): VoterSet | null {
    return this.#unsureOf;
  }

  /** Members that spoke within the last two leases: somebody who could take over. */
  recentlyStreaming(now: number): readonly NodeId[] {
    return this.#replies.heardWithin(2 * this.#leaseMs(), now);
  }

  /** What commits are waiting for, as PostgreSQL says it now: what was set is not believed but compared. */
  async #settingInForce(record: GroupRecord, report: PostgresReport): Promise<VoterSet | null> {
    const { standbyTag } = this.context.postgres.configuration ?? {};
    const text = report.synchronousStandbyNames;
    const now = text === null ? null : parseSynchronousStandbyNames(text, standbyTag);
    const names = new Map(
      otherMembers(this.context).map((node) => [standbyName(node, standbyTag).toLowerCase(), node]),
    );
    const damage = damageOf({ report, now, confirmed: this.#confirmed, names });
    this.#note(damage?.sentence ?? null, record);
    if (damage) {
      if (damage.usurpers.length > 0) await this.context.postgres.endSenders(damage.usurpers);
      this.#barrier = null;
      this.#confirmed = null;
      this.context.reports.invalidate();
      return damage.inForce;
    }
    if (this.#confirmed) {
      await this.#nameAgain(report, this.#confirmed);
      return this.#confirmed;
    }
    if (now === null) return null;
    const setting = now;
    if (setting === strangers || sameSet(setting, closedSet)) return setting;
    // Read back once per life: what stands in the file may not have reached every walsender before a crash.
    await this.#setNames(setting);
    return setting;
  }

  /** Reports from before say nothing about what is set now. */
  async #setNames(set: VoterSet): Promise<void> {
    await this.context.postgres.setSynchronousStandbys(set.members, set.k);
    this.#confirmed = set;
    this.context.reports.invalidate();
  }

  /** A member that came back under its other name (a release later or earlier) is on the list by the one it had. */
  async #nameAgain(report: PostgresReport, set: VoterSet): Promise<void> {
    const missed = report.senders.some(
      (one) => one.state === 'streaming' && one.syncState === 'async' && set.members.includes(one.applicationName),
    );
    if (missed) await this.#setNames(set);
  }

  /** Told until the voters are settled again: a report that goes out meanwhile has it. */
  #note(sentence: string | null, record: GroupRecord): void {
    if (sentence === null) {
      if (record.promotable === 'voters' && this.#settled) this.#damage = null;
      return;
    }
    if (sentence !== this.#damage)
      this.context.logger.warn({ damage: sentence }, 'commits may not wait as they should');
    this.#damage = sentence;
  }

  get troubles(): readonly string[] {
    return this.#damage === null ? [] : [this.#damage];
  }

  /** A standby said that its replay stands for want of parameters. */
  replayStands(node: NodeId): void {
    this.#stands.told(node, this.context.loop.now(), this.#leaseMs());
  }

  #leaseMs(): number {
    return clusterConfig(this.context)?.leaseMs ?? 2000;
  }

  #observe(record: GroupRecord, report: PostgresReport, now: number): readonly StandbyObservation[] {
    const senders = new Map(report.senders.map((sender) => [sender.applicationName, sender]));
    return otherMembers(this.context).map((node) => {
      const sender = senders.get(node);
      const own = nodeRecord(this.context, node);
      this.#replies.look(node, sender, now);
      // With nothing to acknowledge a standby speaks only once a second: it gets twice the time.
      const idle = report.waitingCommits === 0 && sender?.flushLsn === report.lsn;
      return {
        node,
        streaming: sender?.state === 'streaming',
        flushLsn: sender?.flushLsn ? parseLsn(sender.flushLsn) : null,
        silentMs: this.#replies.silentMs(node, now) / (idle ? 2 : 1),
        excluded:
          own === null ||
          own.maintenance ||
          own.priority === 0 ||
          own.wanted === 'stopped' ||
          this.#stands.stands(node, now, this.#leaseMs()) ||
          (record.allowedVoters != null && !record.allowedVoters.includes(node)),
      };
    });
  }

  async #keepSlots(record: GroupRecord, report: PostgresReport, now: number): Promise<void> {
    const members = otherMembers(this.context);
    const voters = record.voterSet.members.join(',');
    const changed = members.join(',') !== this.#slotMembers;
    if (changed || now - this.#slotsAt >= slotsEveryMs) {
      await this.context.postgres.keepSlots(members, replayedBy(report));
      this.#slotMembers = members.join(',');
      this.#slotsAt = now;
      if (!this.#holdsEnded) await this.#endHolds();
    }
    if (voters !== this.#slotVoters) {
      await this.context.postgres.setSynchronizedStandbySlots(record.voterSet.members);
      this.#slotVoters = voters;
    }
  }

  /** What fails is tried again at the next round of slots: commits and voters do not wait for it. */
  async #endHolds(): Promise<void> {
    try {
      const again = await this.context.postgres.endSlotHolds();
      this.#holdsEnded = true;
      if (again.length > 0) this.context.logger.info({ slots: again }, 'made slots again whose copies were not ready');
    } catch (error) {
      this.context.logger.warn({ error: messageOf(error) }, 'holds of slots could not be ended, trying again');
    }
  }

  /** After the first initdb and after each promotion: whose data this is, and where its timeline began. */
  async #describeData(record: GroupRecord, report: PostgresReport): Promise<void> {
    const timeline = report.timeline;
    const known = record.timelineHistory.some((entry) => entry.epoch === record.epoch);
    if (timeline === null || (known && record.systemIdentifier && record.timeline === timeline)) return;
    const inspected = await this.context.postgres.inspect();
    if (inspected.kind === 'absent') return;
    const history = await this.context.postgres.timelineHistory();
    const fork = history.at(-1)?.forkLsn ?? '0/0';
    await changeOwnGroup(this.context, record.epoch, (current) => ({
      ...current,
      systemIdentifier: current.systemIdentifier ?? inspected.control.systemIdentifier,
      timeline,
      timelineHistory: [
        ...current.timelineHistory.filter((entry) => entry.epoch !== current.epoch),
        {
          epoch: current.epoch,
          timeline,
          startLsn: fork,
          primary: this.context.config.nodeId,
          at: isoTime(this.context.loop),
        },
      ].slice(-100),
    }));
  }

  /** For the report: the members that the group record names but PostgreSQL does not see streaming. */
  missingMembers(report: PostgresReport): readonly NodeId[] {
    const streaming = new Set(report.senders.filter((s) => s.state === 'streaming').map((s) => s.applicationName));
    return groupMembers(this.context)
      .filter((m) => m.id !== this.context.config.nodeId && m.wanted === 'running' && !streaming.has(m.id))
      .map((m) => m.id);
  }

  logFailure(error: unknown): void {
    this.context.logger.warn({ error: messageOf(error) }, 'a duty of the primary failed, trying again');
  }
}

/** The record still is what the decision was derived from. */
function decidedOn(record: GroupRecord, current: GroupRecord): boolean {
  return (
    sameSet(current.voterSet, record.voterSet) &&
    current.promotable === record.promotable &&
    current.mode === record.mode &&
    (current.wantedMode ?? null) === (record.wantedMode ?? null)
  );
}

function recordAfterAction(current: GroupRecord, action: VoterSetAction & { kind: 'write-store' }): GroupRecord {
  const { voterSet, promotable, mode } = action;
  return { ...current, voterSet, promotable, ...(mode === undefined ? {} : { mode, wantedMode: null }) };
}

/** What each streaming member has replayed, as this primary's walsenders know it. */
export function replayedBy(report: PostgresReport): Readonly<Record<NodeId, string>> {
  const replayed: Record<NodeId, string> = {};
  for (const sender of report.senders) if (sender.replayLsn) replayed[sender.applicationName] = sender.replayLsn;
  return replayed;
}
