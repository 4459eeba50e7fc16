/**
 * Whether commits of a group find who acknowledges them: enough of its voters stream, in `synchronous` replay too, and could take over: one whose replay
 * stands for want of parameters holds the WAL and can't be promoted with it.
 */

import { type GroupSnapshot, isFresh } from '../../operations/core/snapshot';
import { ownShortfall } from './standby-parameters';

export function lacksAcknowledgers({ record, members }: GroupSnapshot, leaseMs: number): boolean {
  const { members: voters, k } = record.voterSet;
  if (record.mode === 'asynchronous' || voters.length === 0) return false;
  const acknowledging = members.filter(
    (member) =>
      voters.includes(member.record.id) &&
      member.record.id !== record.primary &&
      isFresh(member, leaseMs) &&
      member.report!.postgres.walReceiver?.status === 'streaming' &&
      ownShortfall(member.report!.postgres.parameters).length === 0 &&
      !(record.mode === 'synchronous' && member.report!.postgres.replayPaused),
  );
  return acknowledging.length < k;
}
