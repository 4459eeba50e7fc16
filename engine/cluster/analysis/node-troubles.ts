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
          // Members that find no primary to follow say so; what is still wrong after the change is told again, as a warning.
          severity: situation.planned === null ? 'warning' : 'info',
          node: member.record.id,
          sentence: `${member.record.id}: ${trouble}`,
          remedy: `See the page of ${member.record.id}.`,
        }),
      ),
    );
