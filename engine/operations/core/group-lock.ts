/**
 * Which steps need the group for themselves (`lock` in `steps.ts`). The lock (GroupRecord.operation) is taken with the first journal entry and given back
 * in the transaction that ends the last such step, so that the voter set may move again while members rejoin.
 */
import type { OperationStep } from '../model';
import { lockOf } from './steps';

export function needsGroupLock(all: readonly OperationStep[], remaining: readonly OperationStep[] = all): boolean {
  const ahead = new Set(remaining.map(lockOf));
  if (ahead.has('changes-primary')) return true;
  const locks = new Set(all.map(lockOf));
  if (locks.has('free') || locks.has('voters-move')) return false;
  return ahead.has('held');
}
