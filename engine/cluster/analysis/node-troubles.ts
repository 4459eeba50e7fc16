/** What an agent itself says is wrong. */
import { isFresh } from '../../operations/core/snapshot';
import { finding, type GroupAnalyser } from './situation';

export const nodeTroubles: GroupAnalyser = (situation) =>
  situation.group.members
    .filter((member) => isFresh(member, situation.config.leaseMs))
    .flatMap((member) =>
      member.report!.troubles.map((trouble) =>
        finding(situation, {
          rule: 'node-trouble',
          severity: 'warning',
          node: member.record.id,
          sentence: `${member.record.id}: ${trouble}`,
          remedy: `See the page of ${member.record.id}.`,
        }),
      ),
    );
