/** A node is stopped because someone wanted it so; told so that nobody searches for a fault. */
import { finding, type GroupAnalyser } from './situation';

export const stoppedByHand: GroupAnalyser = (situation) =>
  situation.group.members
    .filter((member) => member.record.wanted === 'stopped' || member.record.maintenance)
    .map((member) =>
      finding(situation, {
        rule: member.record.maintenance ? 'in-maintenance' : 'stopped-by-hand',
        severity: 'info',
        node: member.record.id,
        sentence: member.record.maintenance
          ? `${member.record.id} is in maintenance.`
          : `${member.record.id} is stopped by hand.`,
        remedy: member.record.maintenance ? 'End maintenance when the work is done.' : 'Start it when it is needed.',
      }),
    );
