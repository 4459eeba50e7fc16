/**
 * The steps that plans are made of: one row per kind of effect, with its deadline, whether it can be cancelled, the point of no return and the
 * compensation. Preview, execution and documentation read this table, so they can't differ. Total by type: a step without a row doesn't compile.
 */
import type { NodeId } from '../../kernel/ids';
import type { OperationStep } from '../model';

export type StepAction =
  | 'check-target'
  | 'checkpoint'
  | 'drain'
  | 'demote'
  | 'collect-promises'
  | 'choose'
  | 'grant'
  | 'promote'
  | 'route'
  | 'rejoin'
  | 'set-wanted-stopped'
  | 'set-wanted-running'
  | 'stop-postgres'
  | 'start-postgres'
  | 'restart-postgres'
  | 'wait-streaming'
  | 'wait-serving'
  | 'reclone'
  | 'set-maintenance'
  | 'clear-maintenance'
  | 'register-node'
  | 'wait-agent'
  | 'join-store'
  | 'leave-voter-set'
  | 'leave-store'
  | 'delete-node'
  | 'write-settings'
  | 'apply-settings'
  | 'wait-voters'
  | 'create-slot'
  | 'copy-slot'
  | 'drop-copies'
  | 'drop-slot'
  /** Of a newer release, or damaged: never run here (`unknown-steps.ts`). */
  | 'unknown';

/**
 * What a step asks of the lock of its group. `changes-primary`: as long as one is ahead the operation holds it, whatever else it does. `held`: while
 * one is ahead, unless the operation has a step that keeps it from doing so: `free` takes nothing away from anybody, `voters-move` waits for the voter
 * set, which the lock holds still. `none`: says nothing of it.
 */
export type GroupLock = 'changes-primary' | 'held' | 'free' | 'voters-move' | 'none';

type StepRow = {
  readonly title: string;
  readonly deadlineMs: number;
  readonly cancellable: boolean;
  readonly pointOfNoReturn: boolean;
  readonly compensation: string | null;
  readonly lock: GroupLock;
  /** How long its compensation may take. */
  readonly undoMs: number;
};

const quickUndoMs = 5_000;

const row = (
  title: string,
  deadlineMs: number,
  options: Partial<Pick<StepRow, 'cancellable' | 'pointOfNoReturn' | 'lock' | 'undoMs'>> & {
    compensation?: string;
  } = {},
): StepRow => ({
  title,
  deadlineMs,
  cancellable: options.cancellable ?? false,
  pointOfNoReturn: options.pointOfNoReturn ?? false,
  compensation: options.compensation ?? null,
  lock: options.lock ?? 'none',
  undoMs: options.undoMs ?? quickUndoMs,
});

const reAdmit = 'Sessions are admitted again on the primary.';

/** `%` in a title stands for the node. */
const stepTable: Readonly<Record<StepAction, StepRow>> = {
  'check-target': row('Wait until % has caught up', 10_000, { cancellable: true, lock: 'changes-primary' }),
  checkpoint: row('Checkpoint on % so that its stop is short', 60_000, { cancellable: true, lock: 'changes-primary' }),
  drain: row('Hold new sessions and let the open ones on % end', 120_000, {
    cancellable: true,
    compensation: reAdmit,
    lock: 'changes-primary',
  }),
  demote: row('Stop % with everything shipped, give the lease back', 30_000, {
    pointOfNoReturn: true,
    compensation: 'Another fit standby is promoted; without one, the old primary is granted a new epoch.',
    lock: 'changes-primary',
  }),
  'collect-promises': row('Collect promises: no standby follows the old primary any more', 10_000, {
    compensation: 'Standbys follow the primary of the present epoch again by themselves.',
    lock: 'changes-primary',
  }),
  choose: row('Choose the most advanced standby', 1_000, { lock: 'changes-primary' }),
  grant: row('Grant epoch and lease', 15_000, { pointOfNoReturn: true, lock: 'changes-primary' }),
  promote: row('Promote', 30_000, {
    compensation: 'The next fit standby is granted a newer epoch.',
    lock: 'changes-primary',
  }),
  route: row('See the new primary serve', 15_000, { lock: 'changes-primary' }),
  rejoin: row('See the other members follow', 5_000),
  'set-wanted-stopped': row('Record that % is stopped by hand', 5_000, {
    compensation: 'The record says running again.',
  }),
  'set-wanted-running': row('Record that % is to run', 5_000),
  'stop-postgres': row('Stop PostgreSQL on %', 60_000, { lock: 'held' }),
  'start-postgres': row('Start PostgreSQL on %', 60_000, { lock: 'free' }),
  'restart-postgres': row('Restart PostgreSQL on %', 120_000, { lock: 'held' }),
  'wait-streaming': row('Wait until % streams', 120_000, { cancellable: true, lock: 'held' }),
  'wait-serving': row('Wait until % serves', 60_000, { lock: 'held' }),
  reclone: row('Throw the data directory of % away and clone it from the primary', 3_600_000, {
    cancellable: true,
    lock: 'free',
  }),
  'set-maintenance': row('Put % into maintenance', 5_000, { compensation: 'Maintenance ends.' }),
  'clear-maintenance': row('End maintenance of %', 5_000),
  'register-node': row('Record the new node %', 5_000, { compensation: 'The record is deleted.', lock: 'free' }),
  'wait-agent': row('Wait until the agent of % reports', 120_000, { cancellable: true }),
  'join-store': row('Let % join the control store', 60_000),
  'leave-voter-set': row('Wait until the acknowledgement of % no longer counts', 60_000, {
    cancellable: true,
    lock: 'voters-move',
  }),
  'leave-store': row('Remove % from the control store', 60_000),
  'delete-node': row('Delete the record of %', 5_000, { pointOfNoReturn: true }),
  'write-settings': row('Write the group record', 5_000, {
    compensation:
      'The record and every member have the former settings again, and the former commit mode and standbys, unless that gave acknowledged writes up.',
    undoMs: 600_000,
  }),
  'apply-settings': row('Apply the settings on %', 30_000),
  'create-slot': row('Create the slot on %', 20_000),
  'copy-slot': row('Wait until the standbys hold a copy of it', 15_000),
  'drop-copies': row('Wait until the standbys have dropped their copies', 15_000),
  'drop-slot': row('Drop the slot on %', 10_000),
  'wait-voters': row('Wait until the new commit rule holds', 60_000, { cancellable: true }),
  unknown: row('A step that this release does not know', 1_000, { lock: 'held' }),
};

export function step(
  action: StepAction,
  node: NodeId | null = null,
  options: { deadlineMs?: number; suffix?: string } = {},
): OperationStep {
  const { title, deadlineMs, cancellable, pointOfNoReturn, compensation } = stepTable[action];
  return {
    name: options.suffix ? `${action}-${options.suffix}` : action,
    title: title.replaceAll('%', node ?? 'the primary'),
    state: 'pending',
    startedAt: null,
    finishedAt: null,
    deadlineMs: options.deadlineMs ?? deadlineMs,
    cancellable,
    pointOfNoReturn,
    compensation,
    detail: null,
    attempt: 0,
    result: null,
    action,
    node,
  };
}

export function lockOf(operationStep: OperationStep): GroupLock {
  return stepTable[actionOf(operationStep)].lock;
}

/** How long the compensation of such a step may take. */
export function undoMsOf(action: StepAction): number {
  return stepTable[action].undoMs;
}

/** What takes long to undo is journalled before it begins. */
export function isUndoneSlowly(action: StepAction): boolean {
  return stepTable[action].undoMs > quickUndoMs;
}

export function actionOf(operationStep: OperationStep): StepAction {
  const name = operationStep.action ?? operationStep.name;
  return Object.hasOwn(stepTable, name) ? (name as StepAction) : 'unknown';
}

/** Steps of a planned or automatic change of primary; `suffix` keeps names unique where a plan holds more than one. */
export function promotionSteps(target: NodeId | null, suffix?: string): readonly OperationStep[] {
  const options = suffix ? { suffix } : {};
  return [
    step('collect-promises', null, options),
    step('choose', target, options),
    step('grant', target, options),
    step('promote', target, options),
    step('route', target, options),
  ];
}

export function switchoverSteps(
  primary: NodeId,
  target: NodeId | null,
  options: { drainMs: number; suffix?: string },
): readonly OperationStep[] {
  const naming = options.suffix ? { suffix: options.suffix } : {};
  return [
    step('check-target', target, naming),
    step('checkpoint', primary, naming),
    step('drain', primary, { ...naming, deadlineMs: options.drainMs + 10_000 }),
    step('demote', primary, naming),
    ...promotionSteps(target, options.suffix),
  ];
}
