/**
 * Commands that the controller sends to agents (and a candidate to members). Every command carries a fence; an agent durably keeps the highest
 * controller term it has seen and refuses a lower one, and refuses an epoch older than its record or promise.
 */
import type { Epoch, GroupName, NodeId, OperationId } from '../kernel/ids';
import type { LsnText } from '../kernel/lsn';
import type { SlotInfo, SlotSpec } from '../replication/model';
import type { GroupRecord } from './model';

export type Fence = {
  readonly controllerTerm: number;
  readonly groupEpoch: Epoch;
  readonly operation: OperationId;
  readonly step: string;
  readonly attempt: number;
};

/** On whose behalf: for logs and traces, never for a decision. */
export type CommandOrigin = { readonly requestId: string | null; readonly traceparent: string | null };

export type PromiseReport = {
  readonly node: NodeId;
  readonly epoch: Epoch;
  readonly timeline: number;
  readonly lsn: LsnText;
  readonly receiveLsn: LsnText | null;
  readonly replayLsn: LsnText | null;
  readonly inRecovery: boolean;
};

type CommandTable = {
  /** Durably promise to follow no primary of an epoch below `epoch`, stop receiving, then report the position. Idempotent. */
  'agent.promise': { params: { fence: Fence; group: GroupName; epoch: Epoch }; result: PromiseReport };
  /**
   * The candidate takes the lease of `epoch` by compare-and-swap on the group record: `next` is the record to write (epoch, primary = itself, voter set),
   * `underLeaseGuard` asks the store to refuse while the old lease runs. Idempotent: already holding exactly that epoch is success.
   */
  'agent.grant': {
    params: {
      fence: Fence;
      group: GroupName;
      expectedModRevision: number;
      next: GroupRecord;
      underLeaseGuard: boolean;
    };
    result: { modRevision: number };
  };
  /** Holder only: synchronous names and slots, promote, read back. Idempotent: already primary under this epoch is success. */
  'agent.promote': {
    params: { fence: Fence; group: GroupName; epoch: Epoch; members: readonly NodeId[] };
    result: { timeline: number; forkLsn: LsnText; lsn: LsnText };
  };
  /** Stop admitting sessions (router sees `draining`), or admit again. */
  'agent.drain': { params: { fence: Fence; group: GroupName; draining: boolean }; result: { sessions: number } };
  'agent.checkpoint': { params: { fence: Fence }; result: Record<string, never> };
  /**
   * Primary: fast stop, all processes dead, then release the lease. `shutdownLsn`: whoever has it has everything; null when PostgreSQL died in its
   * stop (`controlState` is what its control file says), which proves nothing about what was shipped.
   */
  'agent.demote': {
    params: { fence: Fence; group: GroupName; epoch: Epoch; drainMs: number; timeoutMs: number };
    result: { shutdownLsn: LsnText | null; controlState?: string };
  };
  /** Stop/start by the operator's wish; the record's `wanted` is already set. */
  'agent.stop': { params: { fence: Fence; mode: 'fast' | 'immediate' }; result: Record<string, never> };
  'agent.start': { params: { fence: Fence }; result: Record<string, never> };
  'agent.restart': { params: { fence: Fence; mode: 'fast' | 'immediate' }; result: Record<string, never> };
  /** Throw the data directory away (only with a healthy newer primary) and clone again. */
  'agent.reclone': { params: { fence: Fence }; result: { bytes: number } };
  'agent.settings': {
    params: { fence: Fence; settings: Readonly<Record<string, string | null>> };
    result: { pendingRestart: readonly string[] };
  };
  'agent.position': { params: { fence: Fence }; result: { lsn: LsnText; timeline: number; inRecovery: boolean } };
  /** Primary under the fence's epoch only. A repeated attempt that finds the very slot succeeds. */
  'agent.createSlot': { params: { fence: Fence; slot: SlotSpec }; result: SlotInfo };
  /** Standby: waits until it holds a copy of the primary's failover slot that a promotion keeps, at most `timeoutMs`. */
  'agent.copySlot': { params: { fence: Fence; name: string; timeoutMs: number }; result: { ready: boolean } };
  /** Standby: waits until no copy of a slot that the primary dropped is left, at most `timeoutMs`. */
  'agent.dropSlotCopy': { params: { fence: Fence; name: string; timeoutMs: number }; result: { gone: boolean } };
  /** Primary, before a planned stop: ends whoever reads from a slot of users, and tells where the failover slots stand then. */
  'agent.endConsumers': {
    params: { fence: Fence };
    result: { slots: readonly { readonly name: string; readonly lsn: LsnText }[] };
  };
  /** Standby: waits until its copies have got as far as those, at most `timeoutMs`. */
  'agent.catchUpSlots': {
    params: { fence: Fence; slots: readonly { readonly name: string; readonly lsn: LsnText }[]; timeoutMs: number };
    result: { caughtUp: boolean };
  };
  /** Idle slots of users only; `dropped` is false when there is none of that name. */
  'agent.dropSlot': { params: { fence: Fence; name: string }; result: { dropped: boolean } };
  'agent.waitForReplay': { params: { fence: Fence; lsn: LsnText; timeoutMs: number }; result: Record<string, never> };
  /** Fail-safe: a primary without a control majority asks each voter to confirm its epoch and to join no promotion for `holdMs`. */
  'agent.confirmEpoch': {
    params: { group: GroupName; epoch: Epoch; holder: NodeId; holdMs: number };
    result: { confirmed: boolean; epoch: Epoch };
  };
};

export type AgentCommands = {
  [C in keyof CommandTable]: {
    params: CommandTable[C]['params'] & { readonly origin?: CommandOrigin };
    result: CommandTable[C]['result'];
  };
};

export type AgentCommand = keyof AgentCommands;

/** Agent → controller: PostgreSQL exited under a live agent; sent at once. */
export type ExitNotice = {
  readonly node: NodeId;
  readonly group: GroupName;
  readonly epoch: Epoch;
  readonly at: string;
  readonly decision: 'restart-in-place' | 'fail-over' | 'none';
  readonly redoMs: number;
  readonly walBytes: number;
  readonly leaseReleased: boolean;
};
