/**
 * Steps of a kind that this release does not know: a newer release planned them, or the record is damaged. Pure. Invariants: such a step is never run
 * and never guessed at; an operation that holds one ends, so that it keeps no group's lock.
 */
import { ClusterError } from '../../kernel/errors';
import { release } from '../../kernel/release';
import type { Operation, OperationStep } from '../model';
import { isPastReturn } from './operation-deadline';
import { actionOf } from './steps';

export const unknownStepRule = 'step-known';

/** The first unknown step that is not over. */
export function unknownAhead({ steps }: Pick<Operation, 'steps'>): OperationStep | null {
  return steps.find((entry) => !isOver(entry) && actionOf(entry) === 'unknown') ?? null;
}

/**
 * Why the operation may not go on with `next`; null: it may. Nothing more is begun on the way to a step that can't be run, unless ending here would leave
 * the group without a primary: then what is known goes first.
 */
export function unknownError(operation: Operation, next: OperationStep): ClusterError | null {
  const stranger = unknownAhead(operation);
  if (stranger === null) return null;
  const mustGoOn = isPastReturn(operation) || operation.steps.some((entry) => begun(entry) && isPromise(entry));
  if (mustGoOn && actionOf(next) !== 'unknown') return null;
  const open = operation.steps.filter((entry) => !isOver(entry)).map(({ title }) => `"${title}"`);
  const halfDone = begun(stranger) ? ' Another release had begun it; what it did is not undone.' : '';
  return new ClusterError(
    'PRECONDITION_FAILED',
    `This release (${release}) does not know the step "${stranger.title}" (${stranger.action ?? stranger.name}), so the operation ends here.${halfDone} Not done: ${open.join(', ')}.`,
    {
      reasons: [
        {
          rule: unknownStepRule,
          measured: stranger.action ?? stranger.name,
          limit: `the steps of release ${release}`,
          remedy:
            'Upgrade every node to the release that planned it, look at what was done, then repeat the operation.',
          ...(stranger.node ? { node: stranger.node } : {}),
        },
      ],
    },
  );
}

function isOver({ state }: OperationStep): boolean {
  return state !== 'pending' && state !== 'running';
}

function begun({ startedAt, attempt }: OperationStep): boolean {
  return startedAt !== null || attempt > 0;
}

function isPromise(entry: OperationStep): boolean {
  return actionOf(entry) === 'collect-promises';
}
