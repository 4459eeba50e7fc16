/** Whether what a group acknowledges would survive the loss of its primary: a group may take writes and yet not be protected. */
import type { GroupView } from '@/engine/cluster/model';

export function isProtected(group: Pick<GroupView, 'record' | 'degraded'>): boolean {
  const { mode, voterSet } = group.record;
  return mode !== 'asynchronous' && voterSet.members.length > 0 && !group.degraded;
}
