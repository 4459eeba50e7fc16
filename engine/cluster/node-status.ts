/** One node's status and the reason, from its record and last report. Pure. A node silent for longer than the lease is unhealthy, whatever it said last. */
import { type ClusterSnapshot, formatMs, isFresh, type NodeSnapshot } from '../operations/core/snapshot';
import type { PlannedChange } from './core/planned-change';
import { recoverySentence } from './core/recovery-sentence';
import { serviceTroubleWords } from './core/service-trouble';
import { ownShortfall, shortfallSentence } from './core/standby-parameters';
import type { GroupRecord, NodeStatus } from './model';

export type StatusVerdict = { readonly status: NodeStatus; readonly reason: string };

export type StatusContext = {
  readonly config: ClusterSnapshot['config'];
  /** What an operation does to the group on purpose right now. */
  readonly planned: PlannedChange | null;
};

export function nodeStatus(
  node: NodeSnapshot,
  group: GroupRecord | undefined,
  { config, planned }: StatusContext,
): StatusVerdict {
  const { record, report } = node;
  if (record.maintenance) return { status: 'maintenance', reason: 'In maintenance.' };
  if (record.agentPort === 0) return { status: 'initializing', reason: 'Its agent has not registered yet.' };
  const silent = report === null || node.reportAgeMs === null || !isFresh(node, config.leaseMs);
  if (silent && node.stoppedFor) return { status: 'unhealthy', reason: `Stopped. ${node.stoppedFor}` };
  if (report === null || node.reportAgeMs === null) {
    if (record.wanted === 'stopped') return { status: 'stopped', reason: 'Stopped by hand; its agent was not heard.' };
    return { status: 'unhealthy', reason: 'Its agent was not heard yet.' };
  }
  if (!isFresh(node, config.leaseMs)) {
    return { status: 'unhealthy', reason: `Silent for longer than the lease (${formatMs(config.leaseMs)}).` };
  }
  const verdict = reportedStatus(node, group, config);
  return planned === null ? verdict : partOfChange(node, verdict, planned);
}

/** Stopping, waiting for the new primary and following it are the change itself; a crash, a full disk or another trouble is not. */
function partOfChange(node: NodeSnapshot, verdict: StatusVerdict, planned: PlannedChange): StatusVerdict {
  const { state, walReceiver } = node.report!.postgres;
  const stopped = (state === 'stopping' || state === 'stopped') && node.record.wanted === 'running';
  const waits = state === 'standby' && walReceiver?.status !== 'streaming';
  const unleased = state === 'primary' && !node.report!.lease?.held;
  if (verdict.status === 'initializing' || !(stopped || waits || unleased)) return verdict;
  return { status: 'initializing', reason: `Part of the ${planned.what} in progress: ${verdict.reason}` };
}

function reportedStatus(
  node: NodeSnapshot,
  group: GroupRecord | undefined,
  config: ClusterSnapshot['config'],
): StatusVerdict {
  const { record } = node;
  const report = node.report!;
  const { postgres } = report;
  const isPrimary = group?.primary === record.id;
  // What hinders it says more than what it tries.
  const trouble = report.troubles[0];
  switch (postgres.state) {
    case 'absent':
      return { status: 'initializing', reason: trouble ?? report.activity ?? 'Has no data directory yet.' };
    case 'starting':
    case 'recovering':
      return {
        status: 'initializing',
        reason: recoverySentence(postgres.recovery) ?? report.activity ?? `PostgreSQL is ${postgres.state}.`,
      };
    case 'stopping':
      return { status: 'degraded', reason: report.activity ?? 'PostgreSQL is stopping.' };
    case 'crashed':
      return { status: 'unhealthy', reason: trouble ?? report.activity ?? 'PostgreSQL crashed.' };
    case 'stopped':
      if (record.wanted === 'stopped') return { status: 'stopped', reason: 'Stopped by hand.' };
      return { status: 'unhealthy', reason: trouble ?? report.activity ?? 'PostgreSQL does not run.' };
    case 'primary':
      if (!isPrimary) return { status: 'unhealthy', reason: 'Runs as primary without being the group’s primary.' };
      if (!report.lease?.held) return { status: 'degraded', reason: 'Serves without a confirmed lease.' };
      return troubled(node, config) ?? { status: 'healthy', reason: 'Serves as primary.' };
    case 'standby':
      if (isPrimary) return { status: 'initializing', reason: report.activity ?? 'Is being promoted.' };
      return standbyStatus(node, config);
  }
}

function standbyStatus(node: NodeSnapshot, config: ClusterSnapshot['config']): StatusVerdict {
  const { postgres } = node.report!;
  if (postgres.walReceiver?.status !== 'streaming') {
    return { status: 'degraded', reason: node.report!.activity ?? 'Does not stream from the primary.' };
  }
  const shortfall = ownShortfall(postgres.parameters);
  if (shortfall.length > 0) {
    const reason = `Replay stands: ${shortfallSentence(shortfall)}. It is restarted with enough.`;
    return { status: 'unhealthy', reason };
  }
  if (postgres.replayPaused) return { status: 'degraded', reason: 'Replay is paused.' };
  return troubled(node, config) ?? { status: 'healthy', reason: 'Streams from the primary.' };
}

function troubled(node: NodeSnapshot, config: ClusterSnapshot['config']): StatusVerdict | null {
  const report = node.report!;
  const unserving = report.postgres.serviceTrouble;
  if (unserving) return { status: 'degraded', reason: serviceTroubleWords(unserving).sentence };
  if (report.troubles.length > 0) return { status: 'degraded', reason: report.troubles.join(' ') };
  const percent = report.diskTotalBytes > 0 ? (100 * report.diskUsedBytes) / report.diskTotalBytes : 0;
  if (percent >= config.health.diskWarningPercent) {
    return { status: 'degraded', reason: `Its disk is ${Math.round(percent)} % full.` };
  }
  return null;
}
