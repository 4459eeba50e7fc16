/**
 * What to do when a step of a running operation fails. Pure. Invariant: once the old primary was stopped or promises were taken, an operation never
 * just ends while somebody could still serve: the next candidate, else the old primary under a new epoch, else it fails and says what is missing.
 */
import type { NodeId } from '../../kernel/ids';
import type { Operation } from '../model';
import { actionOf, type StepAction } from './steps';

export type Recovery =
  /** Begin again at collect-promises without these nodes. */
  | { readonly kind: 'next-candidate'; readonly excluded: readonly NodeId[] }
  /** The old primary is granted a new epoch and serves again. */
  | { readonly kind: 'regrant'; readonly node: NodeId }
  /** Undo what can be undone, then end. */
  | { readonly kind: 'compensate' };

export type RecoveryInput = {
  readonly operation: Operation;
  readonly failed: StepAction;
  readonly oldPrimary: NodeId | null;
  readonly oldPrimaryReachable: boolean;
  readonly chosen: NodeId | null;
  readonly excluded: readonly NodeId[];
  /** Reachable members other than the old primary. */
  readonly otherMembers: readonly NodeId[];
};

const promoting: ReadonlySet<StepAction> = new Set<StepAction>([
  'collect-promises',
  'choose',
  'grant',
  'promote',
  'route',
]);

export function recoveryFor(input: RecoveryInput): Recovery {
  if (!promoting.has(input.failed) && input.failed !== 'demote') return { kind: 'compensate' };
  if (input.failed === 'demote') return { kind: 'compensate' };
  const regrantIsOpen = input.oldPrimary !== null && input.oldPrimaryReachable && input.chosen !== input.oldPrimary;
  if (input.failed === 'collect-promises' || input.failed === 'choose') {
    return regrantIsOpen ? { kind: 'regrant', node: input.oldPrimary } : { kind: 'compensate' };
  }
  if (input.chosen !== null && input.chosen !== input.oldPrimary) {
    const excluded = [...new Set([...input.excluded, input.chosen])];
    if (input.otherMembers.some((id) => !excluded.includes(id))) return { kind: 'next-candidate', excluded };
  }
  return regrantIsOpen ? { kind: 'regrant', node: input.oldPrimary } : { kind: 'compensate' };
}

/** Once one of these succeeded there is something to go back to, or nothing to go back from. */
export function wasDemoted(operation: Operation): boolean {
  return operation.steps.some((entry) => actionOf(entry) === 'demote' && entry.state === 'succeeded');
}

export function isPromotionAction(action: StepAction): boolean {
  return promoting.has(action);
}
