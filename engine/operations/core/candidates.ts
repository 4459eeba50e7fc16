/**
 * Every member of a group other than its primary, with every rule that speaks for or against promoting it: none hidden, none stopped at the first
 * failure. The rules and the order are the availability core's, the same that choose over promises; here only what a preview adds: streaming, disk,
 * the agent's own troubles. Also the choice itself, so that preview and promotion can't differ.
 */

import type { PromiseReport } from '../../cluster/commands';
import {
  type Member,
  promiseCheck,
  type RankingInput,
  rankCandidates as rankByProtocol,
  wasNeverGranted,
} from '../../cluster/core/ranking';
import { higherOf, shortfallOf } from '../../cluster/core/standby-parameters';
import type { GroupRecord } from '../../cluster/model';
import type { NodeId } from '../../kernel/ids';
import { parseLsn } from '../../kernel/lsn';
import type { Candidate, Check } from '../model';
import { check } from './checks';
import type { PlanContext } from './plan-model';
import { type SlotHoldings, slotHoldings } from './slot-holdings';
import { type ClusterSnapshot, type GroupSnapshot, type NodeSnapshot, primaryOf, standbysOf } from './snapshot';

export type CandidateQuestion = {
  readonly mode: 'switchover' | 'failover';
  readonly automatic: boolean;
  readonly allowDataLoss: boolean;
  readonly allowSlotLoss?: boolean;
  /** As the members answered just now; absent or null: as they last reported. */
  readonly slots?: PlanContext['slots'];
};

export function rankCandidates(
  snapshot: ClusterSnapshot,
  group: GroupSnapshot,
  question: CandidateQuestion,
): readonly Candidate[] {
  const ranked = rankByProtocol(rankingInput(snapshot, group, { ...question, promises: null, record: group.record }));
  const withPreview = ranked.map((candidate) => {
    const member = group.members.find((entry) => entry.record.id === candidate.node)!;
    const checks = [...candidate.checks, ...previewChecks(snapshot, group, member, question)];
    return { ...candidate, checks, eligible: checks.every((entry) => entry.ok || entry.severity !== 'blocker') };
  });
  let rank = 0;
  return withPreview.map((candidate) => ({ ...candidate, rank: candidate.eligible ? ++rank : null }));
}

function rankingInput(
  snapshot: ClusterSnapshot,
  group: GroupSnapshot,
  question: CandidateQuestion & { promises: readonly PromiseReport[] | null; record: RankingInput['record'] },
): RankingInput {
  const primary = primaryOf(group);
  const holdings = slotHoldings(group, question.slots);
  return {
    record: question.record,
    members: standbysOf(group).map((member) => memberOf(member, holdings)),
    promises: question.promises,
    purpose: question.mode,
    automatic: question.automatic,
    allowDataLoss: question.allowDataLoss,
    allowSlotLoss: question.allowSlotLoss === true,
    preferredRegion: primary?.record.region ?? null,
    primaryLsn: primary?.report?.postgres.lsn ?? null,
    maximumLagBytes: snapshot.config.health.lagCriticalBytes,
    staleAfterMs: snapshot.config.leaseMs,
  };
}

function memberOf(member: NodeSnapshot, holdings: SlotHoldings): Member {
  const postgres = member.report?.postgres ?? null;
  const slotsMissing = holdings.names.length === 0 ? undefined : holdings.missingOn(member.record.id);
  return {
    node: member.record.id,
    region: member.record.region,
    priority: member.record.priority,
    maintenance: member.record.maintenance,
    wanted: member.record.wanted,
    reportAgeMs: member.reportAgeMs,
    postgresState: postgres?.state ?? null,
    timeline: postgres?.timeline ?? null,
    lsn: postgres?.lsn ?? null,
    replayPaused: postgres?.replayPaused ?? false,
    ...(slotsMissing === undefined ? {} : { slotsMissing }),
    loadPercent: member.report?.cpuPercent ?? 100,
  };
}

function previewChecks(
  snapshot: ClusterSnapshot,
  group: GroupSnapshot,
  member: NodeSnapshot,
  question: CandidateQuestion,
): readonly Check[] {
  const node = member.record.id;
  const sender = primaryOf(group)?.report?.postgres.senders.find((entry) => entry.applicationName === node);
  const report = member.report;
  const used =
    report && report.diskTotalBytes > 0 ? Math.round((100 * report.diskUsedBytes) / report.diskTotalBytes) : null;
  const diskLimit = snapshot.config.health.diskWarningPercent;
  const troubles = report?.troubles.join('; ') ?? '';
  const streaming = check('streaming', sender?.state === 'streaming', {
    node,
    measured: sender?.state ?? 'no replication connection',
    limit: 'streaming',
    remedy: `Wait until ${node} streams from ${group.record.primary}.`,
  });
  const parameters = report?.postgres.parameters;
  const primaryRuns = primaryOf(group)?.report?.postgres.parameters?.running;
  const shortfall = shortfallOf(parameters?.running, higherOf(primaryRuns, parameters?.required));
  return [
    ...(question.mode === 'switchover' ? [streaming] : []),
    check('standby-parameters', shortfall.length === 0, {
      node,
      // Before it promises it is restarted with enough.
      severity: question.mode === 'switchover' ? 'blocker' : 'warning',
      measured: shortfall.map(({ name, running }) => `${name} = ${running}`).join(', ') || 'as much as the primary',
      limit: shortfall.map(({ name, required }) => `${name} = ${required}`).join(', ') || 'as much as the primary',
      remedy: `${node} runs with less than its primary, so its replay stands: wait until it has restarted with enough, or restart it.`,
    }),
    check('disk-space', used === null || used < diskLimit, {
      node,
      severity: 'warning',
      measured: used === null ? 'unknown' : `${used} % used`,
      limit: `${diskLimit} %`,
      remedy: `Make room on the disk of ${node}.`,
    }),
    check('no-troubles', troubles === '', {
      node,
      severity: 'warning',
      measured: troubles || 'none',
      limit: 'none',
      remedy: `See the page of ${node}.`,
    }),
  ];
}

export type ChooseQuestion = CandidateQuestion & {
  readonly record: GroupRecord;
  readonly promises: readonly PromiseReport[];
  /** Preferred when it is fit. */
  readonly target: NodeId | null;
  /** Members that failed to be promoted in this operation. */
  readonly excluded: readonly NodeId[];
  /** The old primary was stopped in order at this position: whoever has it has everything. Null: not known. */
  readonly shutdownLsn: string | null;
  /** This operation stopped the old primary, which still has everything: nobody need give anything up. */
  readonly oldPrimaryKept?: boolean;
  /**
   * A planned change of a group that does not fail over by itself: whoever asked for it asked for one that loses nothing, so a primary that was lost on the
   * way is waited for where only a promotion that may lose writes is left.
   */
  readonly nothingMayBeLost?: boolean;
};

export type Choice =
  | {
      readonly kind: 'chosen';
      readonly node: NodeId;
      readonly lsn: string;
      readonly why: string;
      /** Failover slots that it has no ready copy of: their consumers start over. */
      readonly slotsLost: readonly string[];
    }
  | { readonly kind: 'none'; readonly why: string };

/** The chosen member has every acknowledged write: proved by the position of the orderly stop, else by promises; or data was given up. */
export function choose(snapshot: ClusterSnapshot, group: GroupSnapshot, question: ChooseQuestion): Choice {
  const complete = completePromises(question);
  const proved = complete.length > 0;
  const promises = proved ? complete : question.promises;
  /* With the stop's position as proof neither voter set nor mode has anything to add. */
  const record: GroupRecord = proved
    ? { ...question.record, mode: 'asynchronous', promotable: 'voters' }
    : question.record;
  const enough = promiseCheck({ record, promises, allowDataLoss: question.allowDataLoss });
  if (!enough.ok) return { kind: 'none', why: `${enough.measured} promised, needed: ${enough.limit}.` };
  /* Nothing is promised about losses in this mode, but here nothing was lost: the old primary can be started again. */
  if (!proved && question.oldPrimaryKept && record.mode === 'asynchronous' && !question.allowDataLoss) {
    return {
      kind: 'none',
      why: `No standby is known to have everything that ${record.primary} acknowledged before it was stopped; it serves again instead.`,
    };
  }
  if (!proved && question.nothingMayBeLost && record.mode === 'asynchronous' && !question.allowDataLoss) {
    return {
      kind: 'none',
      why: `${record.primary} was lost before it had stopped in order, no standby is known to have everything that it acknowledged, and ${record.name} does not fail over by itself: bring ${record.primary} back, or start a failover by hand.`,
    };
  }
  const input = rankingInput(snapshot, group, { ...question, mode: 'failover', promises, record });
  const members = input.members
    .filter((member) => promises.some((promise) => promise.node === member.node))
    /* A promise is newer than any report: it answers, as a standby. */
    .map((member) => ({ ...member, reportAgeMs: 0, postgresState: 'standby' as const, replayPaused: false }));
  const ranked = rankByProtocol({ ...input, members });
  const fit = ranked.filter((candidate) => candidate.eligible && !question.excluded.includes(candidate.node));
  const chosen = fit.find((candidate) => candidate.node === question.target) ?? fit[0];
  if (!chosen)
    return {
      kind: 'none',
      why: `No member that promised may be promoted. ${refusals(ranked, question.excluded)}`.trim(),
    };
  const promise = promises.find((entry) => entry.node === chosen.node)!;
  const instead = question.target !== null && question.target !== chosen.node ? ` ${question.target} was not fit.` : '';
  const proof = proved ? 'It has everything up to the stop.' : `${question.promises.length} members promised.`;
  return {
    kind: 'chosen',
    node: chosen.node,
    lsn: promise.lsn,
    slotsLost: slotHoldings(group).missingOn(chosen.node),
    why: `${chosen.node} stands at ${promise.lsn} on timeline ${promise.timeline}. ${proof}${instead}`,
  };
}

export function completePromises(
  question: Pick<ChooseQuestion, 'promises' | 'shutdownLsn' | 'excluded' | 'record'>,
): readonly PromiseReport[] {
  const { shutdownLsn, record } = question;
  if (shutdownLsn === null || question.excluded.length > 0) return [];
  const theirs = question.promises.filter((promise) => !wasNeverGranted(promise.timeline, record));
  return theirs.filter((promise) => parseLsn(promise.lsn) >= parseLsn(shutdownLsn));
}

function refusals(ranked: readonly Candidate[], excluded: readonly NodeId[]): string {
  return ranked
    .map((candidate) => {
      if (excluded.includes(candidate.node)) return `${candidate.node} failed before.`;
      const rule = candidate.checks.find((entry) => !entry.ok && entry.severity === 'blocker');
      return rule ? `${candidate.node}: ${rule.rule} is ${rule.measured}, limit ${rule.limit}.` : '';
    })
    .join(' ');
}
