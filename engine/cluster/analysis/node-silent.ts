/** A member's agent has not reported for longer than the lease. */
import { formatMs, isFresh } from '../../operations/core/snapshot';
import { finding, type GroupAnalyser } from './situation';

export const nodeSilent: GroupAnalyser = (situation) =>
  situation.group.members
    .filter(
      (member) =>
        member.record.agentPort > 0 && !member.record.maintenance && !isFresh(member, situation.config.leaseMs),
    )
    .map((member) =>
      finding(situation, {
        rule: 'node-silent',
        severity: member.record.id === situation.group.record.primary ? 'critical' : 'warning',
        node: member.record.id,
        sentence: `${member.record.id} does not answer${member.reportAgeMs === null ? '' : `; limit ${formatMs(situation.config.leaseMs)}`}.`,
        remedy: `See whether the host and the agent of ${member.record.id} run.`,
      }),
    );
