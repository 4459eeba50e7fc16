/** A change of primary left a failover slot behind: the primary has none of that name, a standby still keeps it, and its consumer can't go on. */
import { isFresh } from '../../operations/core/snapshot';
import { finding, type GroupAnalyser } from './situation';

const named = 3;

export const slotsKept: GroupAnalyser = (situation) =>
  situation.standbys.flatMap((member) => {
    const names = member.report?.slotsKept ?? [];
    if (names.length === 0 || !isFresh(member, situation.config.leaseMs)) return [];
    const node = member.record.id;
    const primary = situation.group.record.primary ?? 'the primary';
    const more = names.length > named ? ` and ${names.length - named} more` : '';
    const list = `${names.slice(0, named).join(', ')}${more}`;
    const one = names.length === 1;
    return [
      finding(situation, {
        rule: 'slot-not-on-primary',
        severity: 'warning',
        node,
        sentence: `${node} keeps ${one ? 'slot' : 'slots'} ${list}, which ${primary} does not have: ${one ? 'its consumer' : 'their consumers'} can't go on there.`,
        remedy: `Switch over to ${node} to let ${one ? 'it' : 'them'} go on, or drop ${one ? 'it' : 'them'} there (rustydbctl replication delete-slot ${names[0]} --node ${node}) and start over on ${primary}.`,
      }),
    ];
  });
