/**
 * A standby runs with less of a setting than the primary whose WAL it replays: its replay stands, it can't be promoted, and in `synchronous` commits
 * wait for it. Its agent restarts it with enough; that this takes long, or can't be done, is what this tells.
 */
import { isFresh } from '../../operations/core/snapshot';
import { ownShortfall, shortfallSentence } from '../core/standby-parameters';
import { finding, type GroupAnalyser } from './situation';

export const standbyParameters: GroupAnalyser = (situation) =>
  situation.standbys.flatMap((member) => {
    const shortfall = ownShortfall(member.report?.postgres.parameters);
    if (shortfall.length === 0 || !isFresh(member, situation.config.leaseMs)) return [];
    const id = member.record.id;
    return [
      finding(situation, {
        rule: 'standby-parameters',
        severity: situation.planned === null ? 'critical' : 'warning',
        node: id,
        sentence: `Replay of ${id} stands because the primary runs with more: ${shortfallSentence(shortfall)}. ${id} can't take over meanwhile.`,
        remedy: `${id} restarts its PostgreSQL by itself with enough. If this stays, see its log, and lower the setting for ${situation.group.record.name} or restart ${id}.`,
      }),
    ];
  });
