/** A node runs as primary although the group's record names another one. */
import { isFresh } from '../../operations/core/snapshot';
import { finding, type GroupAnalyser } from './situation';

export const roleConflict: GroupAnalyser = (situation) =>
  situation.standbys
    .filter((member) => isFresh(member, situation.config.leaseMs) && member.report!.postgres.state === 'primary')
    .map((member) =>
      finding(situation, {
        rule: 'role-conflict',
        severity: 'critical',
        node: member.record.id,
        sentence: `${member.record.id} runs as primary, but ${situation.group.record.primary} is ${situation.group.record.name}'s primary.`,
        remedy: `Its agent stops it; if it does not, stop ${member.record.id} by hand.`,
      }),
    );
