/** Two members of a host would write the same files (a tablespace, a link made by hand): each destroys what the other wrote, and nothing reports it. */
import { finding, type GroupAnalyser } from './situation';

export const sharedFiles: GroupAnalyser = (situation) =>
  situation.group.members.flatMap((member) => {
    const sentence = member.report?.sharedFiles;
    if (!sentence) return [];
    const { id } = member.record;
    const isPrimary = id === situation.group.record.primary;
    return [
      finding(situation, {
        rule: 'shared-files',
        severity: 'critical',
        node: id,
        sentence: `${id}: ${sentence}.`,
        remedy: isPrimary
          ? `Give ${id} a directory of its own, or remove the other member.`
          : `Nothing: ${id} was stopped and copies itself anew, into a directory of its own. Its page says why if it can’t.`,
      }),
    ];
  });
