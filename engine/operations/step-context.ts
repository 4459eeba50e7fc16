/** What a step's effect gets to work with. Effects go only through `command`, with the fence of this operation, step and attempt. */
import type { AgentCommand, AgentCommands, Fence } from '../cluster/commands';
import type { GroupRecord } from '../cluster/model';
import type { EmbeddedControlStore } from '../control/store';
import { ClusterError } from '../kernel/errors';
import type { NodeId } from '../kernel/ids';
import type { Loop } from '../kernel/loop';
import type { EngineMethod, EngineParams, EngineResult } from '../runtime/engine-api';
import type { ClusterSnapshot } from './core/snapshot';
import type { StepAction } from './core/steps';
import type { GroupChange } from './journal';
import type { Operation, OperationStep } from './model';

export type ExecutorWorld = {
  readonly store: EmbeddedControlStore;
  snapshot(): ClusterSnapshot;
  /** Term of the control store under which this controller acts. */
  term(): number;
  command<C extends AgentCommand>(
    node: NodeId,
    command: C,
    params: AgentCommands[C]['params'],
    timeoutMs: number,
  ): Promise<AgentCommands[C]['result']>;
  request<M extends EngineMethod>(
    node: NodeId,
    method: M,
    params: EngineParams<M>,
    timeoutMs: number,
  ): Promise<EngineResult<M>>;
  /** Time of this controller; its wall clock is what journal entries say. */
  readonly loop: Loop;
};

export type StepOutcome = {
  readonly detail: string;
  readonly result?: unknown;
  /** Written with the journal entry that ends the step. */
  readonly group?: GroupChange;
};

export type StepContext = {
  readonly world: ExecutorWorld;
  readonly operation: Operation;
  readonly step: OperationStep;
  /** Aborted when the step is cancelled, interrupted or past its deadline. */
  readonly signal: AbortSignal;
  /** Aborted when the group's lease ran out meanwhile: nobody serves, so waiting for the primary is pointless. */
  readonly primaryLost: AbortSignal;
  fence(): Fence;
  remainingMs(): number;
  group(): { readonly record: GroupRecord; readonly modRevision: number };
  /** Result of the latest succeeded step of this kind; undefined: none. */
  resultOf<T>(action: StepAction): T | undefined;
};

export type StepRunner = (context: StepContext) => Promise<StepOutcome>;

/** Journalled between steps of one operation. */
export type PromisesResult = {
  readonly epoch: number;
  readonly promises: readonly AgentCommands['agent.promise']['result'][];
  readonly missing: readonly NodeId[];
  readonly excluded: readonly NodeId[];
};
export type ChoiceResult = {
  readonly node: NodeId;
  readonly epoch: number;
  readonly lsn: string | null;
  readonly bytesLost: number | null;
};
/** `shutdownLsn` null: nothing is known about what was shipped, by a stop that was not clean or by a lease that ran out. */
export type DemoteResult = { readonly shutdownLsn: string | null; readonly fencedBy: 'stop' | 'lease' };
export type PromoteResult = { readonly timeline: number; readonly forkLsn: string; readonly lsn: string };

export function nodeOf(context: StepContext): string {
  const node = context.step.node;
  if (!node) throw new ClusterError('INTERNAL', `Step ${context.step.name} names no node.`);
  return node;
}
