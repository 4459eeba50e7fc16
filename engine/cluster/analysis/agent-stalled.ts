/**
 * An agent's main thread was blocked for so long that a promise is in danger: a renewal of the lease came so late that the holder had to ask its voters
 * as well, or a control-store leader could not keep its followers. What is shorter is measured (metric and debug log), not told.
 */
import { formatMs, isFresh } from '../../operations/core/snapshot';
import { finding, type GroupAnalyser } from './situation';

export const agentStalled: GroupAnalyser = (situation) => {
  const { leaseMs, electionTimeoutMs } = situation.config;
  // As in the lease budget: fail-safe after a quarter of the lease, the stop of the server at three quarters, a renewal every eighth.
  const limitMs = Math.min(leaseMs / 4, electionTimeoutMs);
  const stopMs = leaseMs * 0.75 - leaseMs / 8;
  return situation.group.members
    .filter((member) => isFresh(member, leaseMs) && member.report!.loopBlockMs > limitMs)
    .map((member) => {
      const { loopBlockMs } = member.report!;
      const holds = situation.group.record.primary === member.record.id;
      return finding(situation, {
        rule: 'agent-stalled',
        severity: holds && loopBlockMs > stopMs ? 'critical' : 'warning',
        node: member.record.id,
        sentence: `The agent of ${member.record.id} was blocked for ${formatMs(loopBlockMs)}; from ${formatMs(limitMs)} on leases and elections are in danger.`,
        remedy: `Give the host of ${member.record.id} processor time (see what else runs there), or raise election_timeout_ms and lease_ms.`,
      });
    });
};
