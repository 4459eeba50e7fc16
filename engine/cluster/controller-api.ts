/** How the agent (composition root) and the controller fit together. The controller acts only while its agent leads the control store. */
import type { EmbeddedControlStore } from '../control/store';
import type { Interconnect } from '../interconnect/api';
import type { NodeId } from '../kernel/ids';
import type { Logger } from '../kernel/log';
import type { Loop } from '../kernel/loop';
import type { SmallFiles } from '../kernel/small-files';
import type { EngineEvent, HealthTransition } from '../monitoring/model';
import type { SlotNotice } from '../replication/model';
import type { EngineMethod, EngineParams, EngineRequests, EngineResult } from '../runtime/engine-api';
import type { AgentCommand, AgentCommands, ExitNotice } from './commands';
import type { ClusterView, NodeReport } from './model';

export type LeaderMethod = {
  [M in EngineMethod]: EngineRequests[M]['scope'] extends 'leader' ? M : never;
}[EngineMethod];

export type ControllerDependencies = {
  readonly self: NodeId;
  readonly loop: Loop;
  readonly files: SmallFiles;
  readonly store: EmbeddedControlStore;
  readonly interconnect: Interconnect;
  readonly logger: Logger;
  /** `<data>/nodes/<id>/archive`: finished operations older than the last 1,000, append-only JSON lines. */
  readonly archiveDirectory: string;
  /** How long ago this node's link heard a node's agent; null: never. */
  lastHeardMs?(node: NodeId): number | null;
  /** Sends a command to an agent; to itself without the network. */
  command<C extends AgentCommand>(
    node: NodeId,
    command: C,
    params: AgentCommands[C]['params'],
    timeoutMs: number,
  ): Promise<AgentCommands[C]['result']>;
  /** Hands changes of health on to the nodes that keep them too; best effort. Absent: only this node keeps them. */
  shareHealth?(entries: readonly HealthTransition[]): void;
  /** Asks an agent (itself without the network) a `node` request of the engine's door; absent: through the interconnect. */
  nodeRequest?<M extends EngineMethod>(
    node: NodeId,
    method: M,
    params: EngineParams<M>,
    timeoutMs: number,
  ): Promise<EngineResult<M>>;
};

export interface ClusterController {
  start(): void;
  stop(): Promise<void>;
  /** A report of any node; ignored while another one leads, kept while nobody does. */
  ingest(report: NodeReport): void;
  /** All nodes that their launcher says stopped for good, with the sentence that says what to do. */
  noteStopped?(stopped: readonly { readonly node: NodeId; readonly sentence: string }[]): void;
  /** PostgreSQL of a node exited under its live agent. */
  exitNotice(notice: ExitNotice): void;
  /** What an agent saw of its slots. @throws UNAVAILABLE when this agent does not lead: the notice comes again */
  slotNotice(notice: SlotNotice): void;
  /** @throws ClusterError UNAVAILABLE with CLU_NOT_LEADER when this agent does not lead (the agent then forwards). */
  handle<M extends LeaderMethod>(method: M, params: EngineParams<M>): Promise<EngineResult<M>>;
  /** Resolves once a new leader has heard everybody, at the latest half a second after its election: what it shows before would not be true. */
  settled(): Promise<void>;
  /** Leading: live. Otherwise what the local replica and the own last report tell. */
  view(): ClusterView;
  /** Finished operations that this node archived while it led. */
  archived(params: EngineParams<'operation.archived'>): Promise<EngineResult<'operation.archived'>>;
  /** Changes of health that this node keeps, newest first. */
  keptHealth(params: EngineParams<'health.kept'>): Promise<EngineResult<'health.kept'>>;
  /** Changes of health that the leader told. */
  takeHealth(entries: readonly HealthTransition[]): void;
  onViewChange(callback: () => void): () => void;
  events: {
    /** Buffered events after `after` (null: none, only live ones), or the gap that lies between. */
    since(after: string | null): {
      readonly gap: { readonly from: string; readonly to: string } | null;
      readonly events: readonly EngineEvent[];
    };
    subscribe(callback: (event: EngineEvent) => void): () => void;
    emit(event: Omit<EngineEvent, 'eventId' | 'timestamp'>): void;
  };
}
