/**
 * Which steps need the group for themselves. The lock (GroupRecord.operation) is taken with the first journal entry and given back in the
 * transaction that ends the last such step, so that the voter set may move again while members rejoin.
 */
import type { OperationStep } from '../model';
import { actionOf, type StepAction } from './steps';

const locking: ReadonlySet<StepAction> = new Set<StepAction>([
  'check-target',
  'checkpoint',
  'drain',
  'demote',
  'collect-promises',
  'choose',
  'grant',
  'promote',
  'route',
  'stop-postgres',
  'restart-postgres',
  'wait-streaming',
  'wait-serving',
  // Nobody here can say: the group stays for itself until the operation ends, which is soon.
  'unknown',
]);

/** A start or a clone of one member takes nothing away from anybody. */
const harmless: ReadonlySet<StepAction> = new Set<StepAction>(['start-postgres', 'reclone', 'register-node']);

/** A removal waits for the voter set to move, which the lock would prevent. */
const waitsForVoters: ReadonlySet<StepAction> = new Set<StepAction>(['leave-voter-set']);

export function needsGroupLock(all: readonly OperationStep[], remaining: readonly OperationStep[] = all): boolean {
  const actions = all.map(actionOf);
  const changesPrimary = (action: StepAction) => promotionActions.has(action);
  if (remaining.some((entry) => changesPrimary(actionOf(entry)))) return true;
  if (actions.some((action) => harmless.has(action) || waitsForVoters.has(action))) return false;
  return remaining.some((entry) => locking.has(actionOf(entry)));
}

const promotionActions: ReadonlySet<StepAction> = new Set<StepAction>([
  'check-target',
  'checkpoint',
  'drain',
  'demote',
  'collect-promises',
  'choose',
  'grant',
  'promote',
  'route',
]);
