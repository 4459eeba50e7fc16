/** The group waits for standbys: commits hang until one acknowledges. */
import { isFresh } from '../../operations/core/snapshot';
import { ownShortfall } from '../core/standby-parameters';
import { actsWithoutStandby } from '../core/voter-set';
import { finding, type GroupAnalyser } from './situation';

export const commitsWait: GroupAnalyser = (situation) => {
  const { record } = situation.group;
  const { members, k } = record.voterSet;
  if (record.mode === 'asynchronous' || members.length === 0) return [];
  const answering = situation.standbys.filter((member) => {
    const postgres = isFresh(member, situation.config.leaseMs) ? member.report!.postgres : null;
    if (!members.includes(member.record.id) || postgres?.state !== 'standby') return false;
    // In this mode a commit waits until it is replayed.
    const replays = !postgres.replayPaused || record.mode !== 'synchronous';
    return replays && ownShortfall(postgres.parameters).length === 0;
  }).length;
  const waiting = situation.primary?.report?.postgres.waitingCommits ?? 0;
  if (answering >= k) return [];
  return [
    finding(situation, {
      rule: 'commits-wait',
      severity: 'critical',
      sentence: `Commits of ${record.name} wait: ${answering} of ${members.join(', ')} answer, ${k} must acknowledge${waiting > 0 ? ` (${waiting} commits wait now)` : ''}.`,
      remedy:
        actsWithoutStandby(record) === 'wait'
          ? 'Bring a standby back.'
          : 'Bring a standby back; otherwise the group degrades openly after one lease.',
    }),
  ];
};
