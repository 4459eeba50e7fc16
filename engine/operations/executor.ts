/**
 * Runs operations: journal first, then the effect. Any controller that leads may go on from any entry: steps are idempotent, an unfinished one is
 * begun again with attempt + 1. Invariants: exactly the planned steps run (recovery repeats or compensates planned ones, it invents none); one
 * operation holds a group's lock; nothing is done after this controller was superseded.
 */
import type { Fence } from '../cluster/commands';
import { type GroupRecord, keys } from '../cluster/model';
import { deferred } from '../kernel/async';
import { ClusterError, errorTable, isClusterError, messageOf } from '../kernel/errors';
import type { GroupName, OperationId } from '../kernel/ids';
import type { Logger } from '../kernel/log';
import { delay, isoTime } from '../kernel/waiting';
import { inOperationSpan, inStepSpan, onBehalfOf } from './command-origin';
import { compensations } from './compensation';
import { needsGroupLock } from './core/group-lock';
import { pauseMsOf, pauseUnknown, summaryOf, timelineOf } from './core/incident';
import { deadlineError, deadlineLeftMs, isPastReturn } from './core/operation-deadline';
import { isPromotionAction, oldPrimaryServes, recoveryFor } from './core/recovery';
import { isFresh } from './core/snapshot';
import { actionOf, isUndoneSlowly, type StepAction, undoMsOf } from './core/steps';
import { unknownError, unknownStepRule } from './core/unknown-steps';
import { type Claim, ClaimTaken, type GroupChange, OperationJournal, Superseded } from './journal';
import type { Operation, OperationState, OperationStep, StepState } from './model';
import { isFinished } from './model';
import { raced } from './raced';
import type { ChoiceResult, ExecutorWorld, PromisesResult, StepContext, StepOutcome } from './step-context';
import { stepRunners } from './step-runners';

/** Told after the journal entry that says so was committed, in the order in which it happened. */
export type ExecutorListener = {
  /** Once per operation: with the first entry that it ever gets from a running controller. */
  started(operation: Operation): void;
  /** A step began (`running`), or what it began has ended (any other state). */
  stepped(operation: Operation, step: OperationStep): void;
  finished(operation: Operation): void;
};

type Running = {
  readonly journal: OperationJournal;
  /** The record with what is not written yet; written with the next transition. */
  draft: Operation;
  pendingChange: GroupChange | null;
  /** To be written with the first entry. */
  claim: Claim | null;
  readonly stop: AbortController;
  readonly primaryLost: AbortController;
  stepAbort: AbortController;
  /** Aborted when the group needs another operation more than the rest of the undoing. */
  readonly undoAbort: AbortController;
  cancelledBy: string | null;
  interruptedBy: string | null;
  regranting: boolean;
  /** What became of steps and is not written yet, so nobody was told. */
  untold: OperationStep[];
  /** No leader began a step of it before. */
  fresh: boolean;
  readonly begun: { promise: Promise<Operation>; resolve(value: Operation): void; reject(reason: unknown): void };
  ended: Promise<void>;
};

const quickRetries = 2;
const stopPatienceMs = 1_000;

export class OperationExecutor {
  readonly #running = new Map<OperationId, Running>();

  constructor(
    private readonly world: ExecutorWorld,
    private readonly listener: ExecutorListener,
    private readonly logger: Logger,
  ) {}

  isRunning(id: OperationId): boolean {
    return this.#running.has(id);
  }

  /**
   * Resolves once the first step is journalled; the rest goes on by itself. `revision`: of the record, 0 when it is new. `claim` is committed with
   * the first entry; when it is taken, nothing was begun and the answer is ClaimTaken.
   */
  begin(operation: Operation, revision = 0, claim: Claim | null = null): Promise<Operation> {
    const existing = this.#running.get(operation.id);
    if (existing) return existing.begun.promise;
    const stop = new AbortController();
    const handle: Running = {
      journal: new OperationJournal(this.world, operation, revision, stop.signal),
      draft: operation,
      pendingChange: null,
      claim,
      stop,
      primaryLost: new AbortController(),
      stepAbort: new AbortController(),
      undoAbort: new AbortController(),
      cancelledBy: null,
      interruptedBy: null,
      regranting: operation.steps.some(
        (entry) => entry.state === 'compensated' && actionOf(entry) === 'collect-promises',
      ),
      untold: [],
      fresh: operation.steps.every((entry) => entry.attempt === 0),
      begun: deferred<Operation>(),
      ended: Promise.resolve(),
    };
    handle.begun.promise.catch(() => undefined);
    this.#running.set(operation.id, handle);
    handle.ended = inOperationSpan(operation, async (span) => {
      // Without a caller's trace it has one of its own, in which a later leader goes on.
      const { traceparent } = span;
      if (handle.draft.traceparent === undefined && traceparent !== null) handle.draft = { ...operation, traceparent };
      await this.#run(handle);
      span.set({ 'rustydb.operation.state': handle.draft.state });
    }).finally(() => this.#running.delete(operation.id));
    return handle.begun.promise;
  }

  /** @throws CONFLICT when its current step can't be cancelled. */
  cancel(id: OperationId, by: string): void {
    const handle = this.#running.get(id);
    const current = handle?.draft.steps.find((entry) => entry.state === 'running');
    if (!handle || !current?.cancellable || isPastReturn(handle.draft)) {
      throw new ClusterError(
        'CONFLICT',
        current ? `"${current.title}" can't be cancelled any more.` : `Operation ${id} is not running.`,
        {
          reasons: [
            {
              rule: 'step-cancellable',
              measured: current?.name ?? 'not running',
              limit: 'a step before the point of no return',
              remedy: 'Wait until it ends.',
            },
          ],
        },
      );
    }
    handle.cancelledBy = by;
    handle.stepAbort.abort();
  }

  /** The lease of (group, epoch) has run out: whoever waits for that primary need not wait any longer. True: an operation deals with it. */
  primaryLost(group: GroupName, epoch: number, why: string): boolean {
    const record = this.#group(group).record;
    const handle = record.operation === null ? undefined : this.#running.get(record.operation);
    if (!handle) return false;
    const current = handle.draft.steps.find((entry) => entry.state === 'running');
    const action = current ? actionOf(current) : null;
    // It is being undone: what is left of that is done by the agents, which keep to the record.
    if (action === null) handle.undoAbort.abort();
    if (action === 'demote') handle.primaryLost.abort();
    else if (action === 'promote' || action === 'route') {
      if (resultOf<ChoiceResult>(handle.draft, 'choose')?.epoch === epoch) handle.stepAbort.abort();
    } else if (action !== null && !isPromotionAction(action) && handle.interruptedBy === null) {
      handle.interruptedBy = why;
      handle.stepAbort.abort();
    }
    return true;
  }

  /** Leadership ended: no effect, no journal entry after this; whoever leads next goes on. */
  async stopAll(): Promise<void> {
    const all = [...this.#running.values()];
    for (const handle of all) {
      handle.stop.abort();
      handle.stepAbort.abort();
      handle.undoAbort.abort();
    }
    // What hangs in a lost request ends by its own deadline and finds itself superseded.
    await Promise.race([Promise.all(all.map((handle) => handle.ended)), delay(this.world.loop, stopPatienceMs)]);
  }

  async #run(handle: Running): Promise<void> {
    try {
      if (await this.#resumedUndo(handle)) return;
      for (;;) {
        const index = handle.draft.steps.findIndex((entry) => entry.state === 'pending' || entry.state === 'running');
        if (index < 0) return await this.#finish(handle, handle.regranting ? 'compensated' : 'succeeded', null);
        const failure = await inStepSpan(
          handle.draft.steps[index]!,
          () => handle.draft.steps[index]!,
          () => this.#runStep(handle, index),
        );
        if (handle.stop.signal.aborted) throw new Superseded('stopped');
        if (failure !== null && (await this.#recover(handle, index, failure))) return;
      }
    } catch (error) {
      handle.begun.reject(error);
      if (error instanceof Superseded || error instanceof ClaimTaken)
        this.logger.info(aboutOf(handle.draft), messageOf(error));
      else
        this.logger.error(
          { ...aboutOf(handle.draft), error: messageOf(error) },
          'operation stopped; it is resumed later',
        );
    }
  }

  /** Null: done. Otherwise why not. */
  async #runStep(handle: Running, index: number): Promise<unknown> {
    const action = actionOf(handle.draft.steps[index]!);
    handle.stepAbort = new AbortController();
    const late = unknownError(handle.draft, handle.draft.steps[index]!) ?? this.#lateError(handle, index);
    if (late) return late;
    this.#mark(handle, index, 'running');
    // The choice is arithmetic over journalled promises: it is journalled together with the step that acts on it.
    if (action !== 'choose') {
      await this.#write(handle);
      handle.begun.resolve(handle.draft);
      this.logger.info({ ...aboutOf(handle.draft), step: handle.draft.steps[index]!.name }, 'step begun');
    }
    try {
      const outcome = await this.#attempt(handle, index, action);
      this.#mark(handle, index, 'succeeded', outcome);
      handle.pendingChange = outcome.group ?? null;
      return null;
    } catch (error) {
      if (error instanceof Superseded) throw error;
      // What the effect still does in the background must not undo what is undone next.
      handle.stepAbort.abort();
      return this.#lateError(handle, index) ?? error;
    }
  }

  /** Why the operation may not go on with this step; null: its deadline has not passed, or binds no more. */
  #lateError(handle: Running, index: number): ClusterError | null {
    const { draft } = handle;
    const step = draft.steps[index]!;
    const leftMs = deadlineLeftMs(draft, step, this.world.loop.wallMs());
    return leftMs !== null && leftMs <= 0 ? deadlineError(draft, step, this.world.loop.wallMs()) : null;
  }

  async #attempt(handle: Running, index: number, action: StepAction): Promise<StepOutcome> {
    const step = handle.draft.steps[index]!;
    const leftMs = deadlineLeftMs(handle.draft, step, this.world.loop.wallMs());
    // Two clocks: by the wall clock it has passed when the timer says so.
    const deadline = this.world.loop.now() + Math.min(step.deadlineMs, leftMs === null ? step.deadlineMs : leftMs + 2);
    const context = this.#context(handle, step, deadline);
    for (let attempt = 0; ; attempt++) {
      try {
        return await raced(stepRunners[action](context), handle.stepAbort.signal, {
          ms: deadline - this.world.loop.now(),
          what: step.title,
          loop: this.world.loop,
        });
      } catch (error) {
        const again = isClusterError(error) && error.code === 'UNAVAILABLE' && attempt < quickRetries;
        if (!again || handle.stepAbort.signal.aborted || context.remainingMs() < 200) throw error;
        await delay(this.world.loop, 100, handle.stepAbort.signal);
      }
    }
  }

  /** True: the operation has ended. */
  async #recover(handle: Running, index: number, failure: unknown): Promise<boolean> {
    const stranger = isOf(failure, unknownStepRule);
    // Over, so that what follows it in the journal may still be taken back.
    if (stranger && actionOf(handle.draft.steps[index]!) === 'unknown')
      this.#mark(handle, index, 'failed', { detail: messageOf(failure) });
    const step = handle.draft.steps[index]!;
    const action = stranger ? 'unknown' : actionOf(step);
    if (handle.cancelledBy !== null) {
      const cancelled = new ClusterError('CONFLICT', `Cancelled by ${handle.cancelledBy}.`);
      this.#mark(handle, index, 'cancelled', { detail: cancelled.message });
      await this.#undo(handle, cancelled);
      await this.#finish(handle, 'cancelled', cancelled);
      return true;
    }
    const why = handle.interruptedBy === null ? failure : new ClusterError('UNAVAILABLE', handle.interruptedBy);
    const recovery = handle.regranting
      ? { kind: 'compensate' as const }
      : recoveryFor({
          ...this.#recoveryInput(handle, action),
          expired: isOf(failure, 'operation-deadline'),
          oldPrimaryServes: isOf(failure, oldPrimaryServes),
        });
    this.logger.warn(
      { ...aboutOf(handle.draft), step: step.name, why: messageOf(why), recovery: recovery.kind },
      'step failed',
    );
    // Its record goes back to pending, but this attempt is over.
    if (recovery.kind !== 'compensate' && step.state === 'running')
      handle.untold.push({ ...step, state: 'failed', finishedAt: this.#now(), detail: messageOf(why) });
    if (recovery.kind === 'next-candidate') {
      this.#beginAgain(handle, index, { excluded: recovery.excluded, why: messageOf(why) });
      return false;
    }
    if (recovery.kind === 'regrant') {
      this.#regrant(handle, index, { node: recovery.node, why: messageOf(why) });
      return false;
    }
    // A step that never began did not fail: it is skipped, and the operation's error says why.
    if (step.state === 'running') this.#mark(handle, index, 'failed', { detail: messageOf(why) });
    // What a promotion changed is not taken back for a step that nobody here can run.
    const undone = stranger && promoted(handle.draft) ? false : await this.#undo(handle, why);
    await this.#finish(handle, undone ? 'compensated' : 'failed', why);
    return true;
  }

  /** What takes long to undo is journalled as failed first: whoever leads next goes on with the undoing, not with the plan. */
  async #undo(handle: Running, why: unknown): Promise<boolean> {
    if (handle.draft.steps.some((entry) => entry.startedAt !== null && isUndoneSlowly(actionOf(entry)))) {
      handle.draft = { ...handle.draft, error: errorOf(why) };
      await this.#write(handle);
      handle.begun.resolve(handle.draft);
    }
    return this.#compensate(handle);
  }

  /** True: the leader before had begun to undo it, and it has ended now. */
  async #resumedUndo(handle: Running): Promise<boolean> {
    const { steps, error } = handle.draft;
    const ended = steps.find((entry) => entry.state === 'failed' || entry.state === 'cancelled');
    if (!ended || error === null) return false;
    const undone = await this.#compensate(handle);
    if (handle.stop.signal.aborted) throw new Superseded('stopped');
    const state = ended.state === 'cancelled' ? 'cancelled' : undone ? 'compensated' : 'failed';
    const code = error.code in errorTable ? (error.code as keyof typeof errorTable) : 'INTERNAL';
    await this.#finish(handle, state, new ClusterError(code, error.message, { reasons: error.reasons }));
    return true;
  }

  #recoveryInput(handle: Running, failed: StepAction): Parameters<typeof recoveryFor>[0] {
    const snapshot = this.world.snapshot();
    const group = handle.draft.group === null ? undefined : snapshot.groups.get(handle.draft.group);
    const oldPrimary = oldPrimaryOf(handle.draft);
    const reachable = (group?.members ?? [])
      .filter((member) => isFresh(member, snapshot.config.leaseMs))
      .map((member) => member.record.id);
    return {
      failed,
      oldPrimary,
      recordPrimary: group?.record.primary ?? null,
      oldPrimaryReachable: oldPrimary !== null && reachable.includes(oldPrimary),
      chosen: resultOf<ChoiceResult>(handle.draft, 'choose')?.node ?? null,
      excluded: resultOf<PromisesResult>(handle.draft, 'collect-promises')?.excluded ?? [],
      promisesAsked: handle.draft.steps.some(
        (entry) => actionOf(entry) === 'collect-promises' && (entry.startedAt !== null || entry.attempt > 0),
      ),
      reachable,
    };
  }

  /** Steps from collect-promises on are pending again; what failed is remembered in the journal. */
  #beginAgain(handle: Running, index: number, next: { excluded: readonly string[]; why: string }): void {
    const failedName = handle.draft.steps[index]!.title;
    this.#edit(handle, index, (entry, action) => {
      if (action !== 'collect-promises') return { ...pending(entry), detail: null };
      const before = entry.result as PromisesResult | null;
      const result: PromisesResult = { epoch: before?.epoch ?? 0, promises: [], missing: [], excluded: next.excluded };
      return {
        ...pending(entry),
        result,
        detail: `Again without ${next.excluded.join(', ')}: "${failedName}" failed (${next.why}).`,
      };
    });
  }

  #regrant(handle: Running, index: number, old: { node: string; why: string }): void {
    handle.regranting = true;
    const { record } = this.#group(handle.draft.group!);
    const epoch = record.epoch + 1;
    const choice: ChoiceResult = { node: old.node, epoch, lsn: null, bytesLost: 0 };
    this.#edit(handle, index, (entry, action) => {
      if (action === 'collect-promises') {
        return { ...entry, state: 'compensated', detail: old.why, finishedAt: entry.finishedAt ?? this.#now() };
      }
      if (action !== 'choose') return { ...pending(entry), node: old.node };
      const detail = `${old.node} serves again under epoch ${epoch}: ${old.why}`;
      return { ...entry, state: 'succeeded', node: old.node, result: choice, detail, finishedAt: this.#now() };
    });
  }

  #edit(handle: Running, index: number, change: (entry: OperationStep, action: StepAction) => OperationStep): void {
    const start = handle.draft.steps.findLastIndex(
      (entry, at) => at <= index && actionOf(entry) === 'collect-promises',
    );
    const steps = handle.draft.steps.map((entry, at) => {
      const action = actionOf(entry);
      const changes = at >= Math.max(0, start) && isPromotionAction(action) && at <= index + 5;
      const changed = changes ? change(entry, action) : entry;
      if (changed.state !== entry.state && changed.state !== 'pending') handle.untold.push(changed);
      return changed;
    });
    handle.draft = { ...handle.draft, steps };
  }

  async #compensate(handle: Running): Promise<boolean> {
    let undone = false;
    for (let index = handle.draft.steps.length - 1; index >= 0; index--) {
      const entry = handle.draft.steps[index]!;
      const undo = compensations[actionOf(entry)];
      const touched = entry.startedAt !== null && entry.state !== 'compensated';
      if (!undo || !touched || handle.stop.signal.aborted) continue;
      const { loop } = this.world;
      const ms = undoMsOf(actionOf(entry));
      const context = this.#context(handle, entry, loop.now() + ms, handle.undoAbort.signal);
      const limit = { ms, what: entry.title, loop };
      const done = await raced(undo(context), handle.undoAbort.signal, limit).catch((error: unknown) => {
        this.logger.warn(
          { ...aboutOf(handle.draft), step: entry.name, error: messageOf(error) },
          'compensation failed',
        );
        return false;
      });
      if (done && entry.state === 'succeeded')
        this.#mark(handle, index, 'compensated', { detail: entry.compensation ?? '' });
      undone ||= done;
    }
    return undone;
  }

  async #finish(handle: Running, state: OperationState, failure: unknown): Promise<void> {
    const finishedAt = this.#now();
    const steps = handle.draft.steps.map((entry) =>
      entry.state === 'pending' || entry.state === 'running' ? { ...entry, state: 'skipped' as const } : entry,
    );
    const done: Operation = {
      ...handle.draft,
      steps,
      state,
      finishedAt,
      error: failure === null ? null : errorOf(failure),
    };
    const timeline = timelineOf(done);
    const choice = resultOf<ChoiceResult>(done, 'choose');
    const result = {
      ...(choice ? { primary: choice.node, epoch: choice.epoch, bytes_lost: choice.bytesLost } : {}),
      ...(pauseMsOf(done) === null ? {} : { pause_ms: pauseMsOf(done) }),
      ...(pauseUnknown(done) === null ? {} : { pause_unknown: pauseUnknown(done) }),
      ...(done.steps.some((entry) => actionOf(entry) === 'apply-settings')
        ? { pending_restart: pendingRestarts(done) }
        : {}),
    };
    handle.draft = { ...done, timeline, result };
    handle.draft = { ...handle.draft, summary: summaryOf(handle.draft, timeline) };
    await this.#write(handle, true);
    this.logger.info({ ...aboutOf(handle.draft), state, error: handle.draft.error?.message }, 'operation ended');
    handle.begun.resolve(handle.draft);
    this.listener.finished(handle.draft);
  }

  /** One transaction: the record, what the last step changes in the group, and the lock as the remaining steps need it. */
  async #write(handle: Running, final = false): Promise<void> {
    const { draft, pendingChange } = handle;
    const remaining = draft.steps.filter((entry) => entry.state === 'pending' || entry.state === 'running');
    const wants = !final && needsGroupLock(draft.steps, remaining);
    const record = draft.group === null ? null : this.#groupOrNull(draft.group);
    const holds = record?.operation === draft.id;
    const change: GroupChange | null =
      record !== null && (pendingChange !== null || wants !== holds)
        ? (current) => {
            if (wants && current.operation !== null && current.operation !== draft.id) throw busy(current);
            // The plan was made for another primary: taking the lock now would run it on the wrong one.
            const moved = wants && current.operation === null && current.primary !== (draft.oldPrimary ?? null);
            if (moved && !promoted(draft)) throw movedAway(current);
            const changed = pendingChange?.(current) ?? current;
            const free = current.operation === draft.id ? null : current.operation;
            return { ...changed, operation: wants ? draft.id : free };
          }
        : null;
    await handle.journal.write(draft, change, handle.claim);
    handle.claim = null;
    handle.pendingChange = null;
    this.#tell(handle);
  }

  #tell(handle: Running): void {
    if (handle.fresh) this.listener.started(handle.draft);
    handle.fresh = false;
    for (const step of handle.untold.splice(0)) this.listener.stepped(handle.draft, step);
  }

  #mark(handle: Running, index: number, state: StepState, outcome?: StepOutcome): void {
    const now = this.#now();
    const steps = handle.draft.steps.map((entry, at): OperationStep => {
      if (at !== index) return entry;
      if (state === 'running') {
        return { ...entry, state, attempt: entry.attempt + 1, startedAt: entry.startedAt ?? now, finishedAt: null };
      }
      return {
        ...entry,
        state,
        finishedAt: entry.finishedAt ?? now,
        detail: outcome?.detail ?? entry.detail,
        result: outcome?.result === undefined ? entry.result : outcome.result,
      };
    });
    handle.draft = { ...handle.draft, steps, state: isFinished(handle.draft.state) ? handle.draft.state : 'running' };
    handle.untold.push(steps[index]!);
  }

  #context(handle: Running, step: OperationStep, deadline: number, signal = handle.stepAbort.signal): StepContext {
    const group = handle.draft.group ?? '';
    const fence = (): Fence => ({
      controllerTerm: this.world.term(),
      groupEpoch: this.#groupOrNull(group)?.epoch ?? 0,
      operation: handle.draft.id,
      step: step.name,
      attempt: step.attempt,
    });
    return {
      world: onBehalfOf(this.world, handle.draft.requestId),
      operation: handle.draft,
      step,
      signal,
      primaryLost: handle.primaryLost.signal,
      fence,
      remainingMs: () => Math.max(1, Math.round(deadline - this.world.loop.now())),
      group: () => this.#group(group),
      resultOf: <T>(action: StepAction) => resultOf<T>(handle.draft, action),
    };
  }

  #group(name: GroupName): { record: GroupRecord; modRevision: number } {
    const entry = this.world.store.localGet(keys.group(name));
    if (!entry)
      throw new ClusterError('NOT_FOUND', `There is no group ${name}.`, { clusterCode: 'CLU_GROUP_NOT_FOUND' });
    return { record: entry.value as unknown as GroupRecord, modRevision: entry.modRevision };
  }

  #groupOrNull(name: GroupName): GroupRecord | null {
    return (this.world.store.localGet(keys.group(name))?.value as unknown as GroupRecord | undefined) ?? null;
  }

  #now(): string {
    return isoTime(this.world.loop);
  }
}

/** What every log line about an operation says. */
function aboutOf({ id, kind, group, requestId }: Operation) {
  return { operation: id, kind, group: group ?? undefined, requestId: requestId ?? undefined };
}

function resultOf<T>(operation: Operation, action: StepAction): T | undefined {
  const found = operation.steps.findLast((entry) => actionOf(entry) === action && entry.result !== null);
  return found?.result as T | undefined;
}

/** Who was primary when the plan was made: the node of the demote step, or what the journal noted at the start. */
function oldPrimaryOf(operation: Operation): string | null {
  const demoted = operation.steps.find((entry) => actionOf(entry) === 'demote');
  return demoted?.node ?? operation.oldPrimary ?? null;
}

function isOf(failure: unknown, rule: string): boolean {
  return isClusterError(failure) && failure.details.reasons?.[0]?.rule === rule;
}

function pending(entry: OperationStep): OperationStep {
  return { ...entry, state: 'pending', startedAt: null, finishedAt: null };
}

function pendingRestarts(operation: Operation): readonly string[] {
  const names = operation.steps
    .filter((entry) => actionOf(entry) === 'apply-settings')
    .flatMap((entry) => (entry.result as { pendingRestart?: readonly string[] } | null)?.pendingRestart ?? []);
  return [...new Set(names)];
}

function promoted(operation: Operation): boolean {
  return operation.steps.some((entry) => actionOf(entry) === 'grant' && entry.state === 'succeeded');
}

function movedAway(record: GroupRecord): ClusterError {
  return new ClusterError(
    'PRECONDITION_FAILED',
    `${record.name} is served by ${record.primary} under epoch ${record.epoch} now.`,
    {
      clusterCode: 'CLU_GUARD_MISMATCH',
      extra: { group: record.name, primary: record.primary, epoch: record.epoch },
    },
  );
}

function busy(record: GroupRecord): ClusterError {
  return new ClusterError('CONFLICT', `Operation ${record.operation} is changing group ${record.name}.`, {
    clusterCode: 'CLU_OPERATION_RUNNING',
    reasons: [
      {
        rule: 'no-operation-running',
        measured: record.operation,
        limit: 'none',
        remedy: `Wait until operation ${record.operation} has ended, or cancel it.`,
      },
    ],
  });
}

function errorOf(failure: unknown): NonNullable<Operation['error']> {
  return isClusterError(failure)
    ? { code: failure.code, message: failure.message, reasons: failure.details.reasons ?? [] }
    : { code: 'INTERNAL', message: messageOf(failure), reasons: [] };
}
