/** A server that runs, and lets nobody in or answers nobody: whoever is connected may see nothing of it, everybody else is kept out. */
import { isFresh } from '../../operations/core/snapshot';
import { serviceTroubleWords } from '../core/service-trouble';
import { finding, type GroupAnalyser } from './situation';

export const serviceTroubles: GroupAnalyser = (situation) =>
  situation.group.members.flatMap((member) => {
    const trouble = isFresh(member, situation.config.leaseMs) ? member.report!.postgres.serviceTrouble : null;
    if (!trouble) return [];
    const { id } = member.record;
    const { sentence, remedy } = serviceTroubleWords(trouble);
    return [
      finding(situation, {
        rule: trouble.kind,
        severity: situation.group.record.primary === id ? 'critical' : 'warning',
        node: id,
        sentence: `${id}: ${sentence}`,
        remedy,
      }),
    ];
  });
