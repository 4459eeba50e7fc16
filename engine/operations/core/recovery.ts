/**
 * What to do when a step of a running operation fails. Pure. Invariant: once the old primary was stopped or promises were taken, an operation never
 * just ends while somebody could still serve: the next candidate, else the old primary under a new epoch, else it fails and says what is missing.
 */
import type { NodeId } from '../../kernel/ids';
import type { StepAction } from './steps';

export type Recovery =
  /** Begin again at collect-promises without these nodes. */
  | { readonly kind: 'next-candidate'; readonly excluded: readonly NodeId[] }
  /** The old primary is granted a new epoch and serves again. */
  | { readonly kind: 'regrant'; readonly node: NodeId }
  /** Undo what can be undone, then end. */
  | { readonly kind: 'compensate' };

/** Rule of the reason with which a grant gives up because the old primary came back. */
export const oldPrimaryServes = 'old-primary-serves';

export type RecoveryInput = {
  readonly failed: StepAction;
  readonly oldPrimary: NodeId | null;
  /** Who the group record names now; another than the old primary once a grant was applied. */
  readonly recordPrimary: NodeId | null;
  readonly oldPrimaryReachable: boolean;
  readonly chosen: NodeId | null;
  readonly excluded: readonly NodeId[];
  /** Members whose agent answers. */
  readonly reachable: readonly NodeId[];
  /** The operation's deadline passed before its point of no return: nobody else is tried, what was begun is taken back. */
  readonly expired?: boolean;
  /** The old primary renews its lease again: nobody else can be granted it. */
  readonly oldPrimaryServes?: boolean;
  /** Members may have promised the next epoch, so the old primary needs a newer one. */
  readonly promisesAsked?: boolean;
};

const promoting: ReadonlySet<StepAction> = new Set<StepAction>([
  'collect-promises',
  'choose',
  'grant',
  'promote',
  'route',
]);

export function recoveryFor(input: RecoveryInput): Recovery {
  const untouched = input.expired === true && input.promisesAsked !== true;
  // A step that nobody here can run is like a choice that can't be made, once members have promised.
  const stuck = input.failed === 'unknown' && input.promisesAsked === true;
  if (!(promoting.has(input.failed) || stuck) || untouched) return { kind: 'compensate' };
  // Once a grant was applied the old primary is a member like the others: only promises of the new set prove what it may lack.
  const granted = input.recordPrimary !== input.oldPrimary;
  const regrant: Recovery =
    !granted && input.oldPrimary !== null && input.oldPrimaryReachable
      ? { kind: 'regrant', node: input.oldPrimary }
      : { kind: 'compensate' };
  if (stuck || input.failed === 'collect-promises' || input.failed === 'choose') return regrant;
  if (input.expired || input.oldPrimaryServes) return regrant;
  if (input.chosen === null || input.chosen === input.oldPrimary) return { kind: 'compensate' };
  const excluded = [...new Set([...input.excluded, input.chosen])];
  const open = input.reachable.filter((id) => !excluded.includes(id) && (granted || id !== input.oldPrimary));
  return open.length > 0 ? { kind: 'next-candidate', excluded } : regrant;
}

export function isPromotionAction(action: StepAction): boolean {
  return promoting.has(action);
}
