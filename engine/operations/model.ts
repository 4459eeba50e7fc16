/**
 * The operation model: one shape for everything that takes time. Journalled in the control store under operations/<id>;
 * a later leader resumes from exactly this record. Times are ISO 8601 with milliseconds.
 */
import type { CommitMode } from '../cluster/model';
import type { Reason } from '../kernel/errors';
import type { Epoch, GroupName, NodeId, OperationId } from '../kernel/ids';
import type { SlotSpec } from '../replication/model';

export type OperationState =
  | 'planned'
  | 'pending'
  | 'running'
  | 'paused'
  | 'succeeded'
  | 'failed'
  | 'cancelled'
  | 'compensated';
export type StepState = 'pending' | 'running' | 'succeeded' | 'failed' | 'skipped' | 'cancelled' | 'compensated';

export type OperationStep = {
  /** kebab-case and unique in the operation, e.g. `collect-promises`. */
  readonly name: string;
  readonly title: string;
  readonly state: StepState;
  readonly startedAt: string | null;
  readonly finishedAt: string | null;
  readonly deadlineMs: number;
  readonly cancellable: boolean;
  /** From this step on there is no way back; only forward. */
  readonly pointOfNoReturn: boolean;
  readonly compensation: string | null;
  /** What happened, one sentence. */
  readonly detail: string | null;
  /** How often the step was begun (a new leader begins it again). */
  readonly attempt: number;
  /** What later steps and a resuming leader need (promises, chosen node, LSNs). */
  readonly result: unknown;
  /** What kind of effect the step has; several steps of one plan may share it (`restart-standby` per node). Absent: the name. */
  readonly action?: string;
  /** The node the step acts on, where it acts on one. */
  readonly node?: NodeId | null;
};

export type Check = {
  readonly rule: string;
  readonly node: NodeId | null;
  readonly ok: boolean;
  readonly severity: 'info' | 'warning' | 'blocker';
  readonly measured: string | null;
  readonly limit: string | null;
  readonly remedy: string | null;
};

export type Candidate = {
  readonly node: NodeId;
  readonly eligible: boolean;
  /** 1 = would be chosen; null when not eligible. */
  readonly rank: number | null;
  readonly lagBytes: number | null;
  readonly checks: readonly Check[];
};

/** detect / decide / fence / promote / route …: what the outage was made of. */
export type Phase = { readonly phase: string; readonly startedAt: string; readonly ms: number };

/** Guards that any availability request may carry; a mismatch is PRECONDITION_FAILED with the current state. */
export type Guards = { readonly expectedPrimary?: NodeId; readonly expectedEpoch?: Epoch };

export type OperationRequest =
  | ({
      readonly kind: 'failover';
      readonly group: GroupName;
      readonly mode: 'switchover' | 'failover';
      readonly target?: NodeId;
      readonly force?: boolean;
      readonly allowDataLoss?: boolean;
      /** A failover slot may be left without a ready copy on the new primary: its consumer starts over. */
      readonly allowSlotLoss?: boolean;
      readonly drainMs?: number;
      readonly deadlineMs?: number;
      /** ISO time; the operation stays `pending` until then and is planned again before it runs. */
      readonly scheduledAt?: string;
      /** Set by the controller's own failovers: what it saw. */
      readonly automatic?: {
        readonly cause: string;
        readonly detectedAt: string;
        readonly lastServedAt: string | null;
      };
    } & Guards)
  | ({ readonly kind: 'start-node'; readonly node: NodeId } & Guards)
  | ({
      readonly kind: 'stop-node';
      readonly node: NodeId;
      readonly mode: 'fast' | 'immediate';
      readonly force?: boolean;
    } & Guards)
  | ({ readonly kind: 'restart-node'; readonly node: NodeId; readonly force?: boolean } & Guards)
  | ({ readonly kind: 'rejoin-node'; readonly node: NodeId; readonly reclone?: boolean } & Guards)
  | ({ readonly kind: 'maintenance'; readonly node: NodeId; readonly enabled: boolean } & Guards)
  | ({
      readonly kind: 'add-node';
      readonly node: NodeId;
      readonly group: GroupName;
      readonly region: string;
      readonly host: string;
    } & Guards)
  | ({ readonly kind: 'remove-node'; readonly node: NodeId; readonly force?: boolean } & Guards)
  | ({
      readonly kind: 'configure-replication';
      readonly group: GroupName;
      readonly mode: CommitMode;
      readonly standbys: readonly NodeId[];
      /** An admin lets the group become asynchronous. */
      readonly allowDataLoss?: boolean;
      readonly settings: Readonly<Record<string, string>>;
    } & Guards)
  | ({
      readonly kind: 'change-settings';
      readonly group: GroupName;
      readonly settings: Readonly<Record<string, string | null>>;
    } & Guards)
  | ({ readonly kind: 'create-slot'; readonly group: GroupName; readonly slot: SlotSpec } & Guards)
  | ({
      readonly kind: 'drop-slot';
      readonly group: GroupName;
      /** The one that holds it; a standby may hold one that the primary does not have. */
      readonly node: NodeId;
      readonly name: string;
    } & Guards);

export type OperationKind = OperationRequest['kind'];

export type Operation = {
  readonly id: OperationId;
  readonly kind: OperationKind;
  readonly group: GroupName | null;
  readonly request: OperationRequest;
  readonly state: OperationState;
  readonly requestedBy: string;
  readonly reason: string | null;
  readonly requestId: string | null;
  readonly createdAt: string;
  readonly finishedAt: string | null;
  readonly scheduledAt: string | null;
  /** Until then the point of no return must have been reached, or the operation is undone; set when it begins to run. */
  readonly deadlineAt?: string | null;
  /** sha256 of the plan's meaning (request, steps, chosen node, epoch), not of its measurements. */
  readonly planHash: string;
  readonly steps: readonly OperationStep[];
  readonly checks: readonly Check[];
  readonly candidates: readonly Candidate[];
  readonly expectedPauseMs: number | null;
  readonly bytesAtRisk: number | null;
  readonly timeline: readonly Phase[];
  /** The incident as sentences for a ticket; present once finished. */
  readonly summary: readonly string[];
  readonly result: Readonly<Record<string, unknown>> | null;
  readonly error: { readonly code: string; readonly message: string; readonly reasons: readonly Reason[] } | null;
  /** The node that the plan chose, where it chooses one (failover target, node that stops). */
  readonly chosen?: NodeId | null;
  /** Who was primary of the group when the operation was planned. */
  readonly oldPrimary?: NodeId | null;
  /** The trace it belongs to, for whoever goes on with it; absent: none. */
  readonly traceparent?: string;
  /** Whether an admin asked: a scheduled operation is planned again under the same right. */
  readonly requestedByAdmin?: boolean;
};

export function isFinished(state: OperationState): boolean {
  return state === 'succeeded' || state === 'failed' || state === 'cancelled' || state === 'compensated';
}
