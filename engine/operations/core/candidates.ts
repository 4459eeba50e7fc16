/**
 * Every member of a group other than its primary, with every rule that speaks for or against promoting it: none hidden, none stopped at the first
 * failure. Invariant: a member that may miss acknowledged writes or has diverged is never eligible, whatever its priority. Ranked from reports for
 * the preview; the promotion itself ranks again over promises with the same order.
 */
import { lagBytes, parseLsn } from '../../kernel/lsn';
import type { Candidate, Check } from '../model';
import { canPromise, check, reachable } from './checks';
import {
  type ClusterSnapshot,
  formatBytes,
  type GroupSnapshot,
  type NodeSnapshot,
  primaryOf,
  standbysOf,
} from './snapshot';

export type CandidateQuestion = {
  readonly mode: 'switchover' | 'failover';
  readonly automatic: boolean;
  readonly allowDataLoss: boolean;
};

export function rankCandidates(
  snapshot: ClusterSnapshot,
  group: GroupSnapshot,
  question: CandidateQuestion,
): readonly Candidate[] {
  const primary = primaryOf(group);
  const judged = standbysOf(group).map((member) => ({
    member,
    checks: candidateChecks(snapshot, group, member, question),
    lag: lagBytes(primary?.report?.postgres.lsn ?? null, member.report?.postgres.lsn ?? null),
  }));
  const fits = judged.filter(({ checks }) => checks.every((entry) => entry.ok || entry.severity !== 'blocker'));
  const ranked = [...fits].sort((a, b) => compareMembers(a.member, b.member, primary));
  return judged.map(({ member, checks, lag }) => {
    const position = ranked.findIndex((entry) => entry.member === member);
    return {
      node: member.record.id,
      eligible: position >= 0,
      rank: position >= 0 ? position + 1 : null,
      lagBytes: lag,
      checks,
    };
  });
}

function candidateChecks(
  snapshot: ClusterSnapshot,
  group: GroupSnapshot,
  member: NodeSnapshot,
  question: CandidateQuestion,
): readonly Check[] {
  const { leaseMs } = snapshot.config;
  const node = member.record.id;
  const planned = question.mode === 'switchover';
  const postgres = member.report?.postgres ?? null;
  const isVoter = group.record.voterSet.members.includes(node);
  const asynchronous = group.record.mode === 'asynchronous';
  return [
    reachable(member, leaseMs),
    check('postgres-runs', canPromise(member), {
      node,
      measured: postgres?.state ?? 'unknown',
      limit: 'standby',
      remedy: `Start PostgreSQL on ${node}.`,
    }),
    check('not-in-maintenance', !member.record.maintenance, {
      node,
      measured: member.record.maintenance ? 'in maintenance' : 'not in maintenance',
      limit: 'not in maintenance',
      remedy: `End maintenance of ${node}.`,
    }),
    check('promotion-priority', member.record.priority > 0, {
      node,
      severity: question.automatic ? 'blocker' : 'warning',
      measured: `${member.record.priority}`,
      limit: '> 0',
      remedy: `Give ${node} a priority above 0.`,
    }),
    timelineCheck(group, member),
    check('voter', isVoter || asynchronous, {
      node,
      severity: planned || question.allowDataLoss || group.record.promotable === 'none' ? 'warning' : 'blocker',
      measured: isVoter ? 'voter' : 'not a voter',
      limit: asynchronous ? 'none in asynchronous mode' : 'voter',
      remedy: `Wait until ${node} has caught up and is a voter: it may lack acknowledged writes.`,
    }),
    ...(planned ? plannedChecks(snapshot, group, member) : []),
    check('replay-not-paused', postgres === null || !postgres.replayPaused, {
      node,
      severity: planned ? 'blocker' : 'warning',
      measured: postgres === null ? 'unknown' : postgres.replayPaused ? 'paused' : 'running',
      limit: 'running',
      remedy: `Resume replay on ${node}.`,
    }),
    diskCheck(snapshot, member),
    check('no-troubles', (member.report?.troubles.length ?? 0) === 0, {
      node,
      severity: 'warning',
      measured: member.report?.troubles.join('; ') || 'none',
      limit: 'none',
      remedy: `See the page of ${node}.`,
    }),
  ];
}

function plannedChecks(snapshot: ClusterSnapshot, group: GroupSnapshot, member: NodeSnapshot): readonly Check[] {
  const node = member.record.id;
  const primary = primaryOf(group);
  const sender = primary?.report?.postgres.senders.find((entry) => entry.applicationName === node);
  const lag = lagBytes(primary?.report?.postgres.lsn ?? null, member.report?.postgres.lsn ?? null);
  const limit = snapshot.config.health.lagCriticalBytes;
  return [
    check('streaming', sender?.state === 'streaming', {
      node,
      measured: sender?.state ?? 'no replication connection',
      limit: 'streaming',
      remedy: `Wait until ${node} streams from ${group.record.primary}.`,
    }),
    check('standby-lag', lag !== null && lag <= limit, {
      node,
      measured: lag === null ? 'unknown' : formatBytes(lag),
      limit: formatBytes(limit),
      remedy: `Wait until ${node} has caught up.`,
    }),
  ];
}

/** A member on an older timeline follows on only when it stands at or before the point where the next timeline began. */
function timelineCheck(group: GroupSnapshot, member: NodeSnapshot): Check {
  const postgres = member.report?.postgres ?? null;
  const timeline = postgres?.timeline ?? null;
  const next =
    timeline === null
      ? undefined
      : group.record.timelineHistory
          .filter((entry) => entry.timeline > timeline)
          .sort((a, b) => a.timeline - b.timeline)[0];
  const position = postgres?.lsn ?? null;
  const diverged = next !== undefined && position !== null && parseLsn(position) > parseLsn(next.startLsn);
  return check('timeline', timeline !== null && !diverged, {
    node: member.record.id,
    measured: timeline === null ? 'unknown' : `timeline ${timeline} at ${position ?? 'unknown'}`,
    limit: next ? `at or before ${next.startLsn}` : `timeline ${group.record.timeline}`,
    remedy: diverged
      ? `${member.record.id} has writes that no other member has: rejoin it by a new clone.`
      : `Wait until ${member.record.id} reports its timeline.`,
  });
}

function diskCheck(snapshot: ClusterSnapshot, member: NodeSnapshot): Check {
  const report = member.report;
  const percent =
    report && report.diskTotalBytes > 0 ? Math.round((100 * report.diskUsedBytes) / report.diskTotalBytes) : null;
  return check('disk-space', percent === null || percent < snapshot.config.health.diskWarningPercent, {
    node: member.record.id,
    severity: 'warning',
    measured: percent === null ? 'unknown' : `${percent} % used`,
    limit: `${snapshot.config.health.diskWarningPercent} %`,
    remedy: `Make room on the disk of ${member.record.id}.`,
  });
}

/** Most advanced first; then priority, the old primary's region, load, name: the order of the promotion itself. */
function compareMembers(a: NodeSnapshot, b: NodeSnapshot, primary: NodeSnapshot | null): number {
  return (
    descending(positionOf(a), positionOf(b)) ||
    b.record.priority - a.record.priority ||
    Number(b.record.region === primary?.record.region) - Number(a.record.region === primary?.record.region) ||
    (a.report?.cpuPercent ?? 100) - (b.report?.cpuPercent ?? 100) ||
    (a.record.id < b.record.id ? -1 : 1)
  );
}

function positionOf(member: NodeSnapshot): bigint {
  const timeline = BigInt(member.report?.postgres.timeline ?? 0);
  const lsn = member.report?.postgres.lsn;
  return (timeline << 64n) | (lsn ? parseLsn(lsn) : 0n);
}

function descending(a: bigint, b: bigint): number {
  return a === b ? 0 : a > b ? -1 : 1;
}
