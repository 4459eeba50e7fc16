/** Whether commits of a group find who acknowledges them: enough of its voters stream. */
import { type GroupSnapshot, isFresh } from '../../operations/core/snapshot';

export function lacksAcknowledgers({ record, members }: GroupSnapshot, leaseMs: number): boolean {
  const { members: voters, k } = record.voterSet;
  if (record.mode === 'asynchronous' || voters.length === 0) return false;
  const acknowledging = members.filter(
    (member) =>
      voters.includes(member.record.id) &&
      member.record.id !== record.primary &&
      isFresh(member, leaseMs) &&
      member.report!.postgres.walReceiver?.status === 'streaming',
  );
  return acknowledging.length < k;
}
