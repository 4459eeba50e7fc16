/** A node's disk is nearly full: PostgreSQL stops when it can't write WAL. */
import { isFresh } from '../../operations/core/snapshot';
import { finding, type GroupAnalyser } from './situation';

export const diskNearlyFull: GroupAnalyser = (situation) =>
  situation.group.members.flatMap((member) => {
    const { report } = member;
    if (!report || !isFresh(member, situation.config.leaseMs) || report.diskTotalBytes <= 0) return [];
    const percent = (100 * report.diskUsedBytes) / report.diskTotalBytes;
    const limit = situation.config.health.diskWarningPercent;
    if (percent < limit) return [];
    return [
      finding(situation, {
        rule: 'disk-nearly-full',
        severity: percent >= 95 ? 'critical' : 'warning',
        node: member.record.id,
        sentence: `The disk of ${member.record.id} is ${Math.round(percent)} % full; limit ${limit} %.`,
        remedy: 'Make room or grow the disk; see WAL retained by slots.',
      }),
    ];
  });
