/** The only door from the server to the engine: a live local copy of the view, the event stream, and typed requests. */
import type { ClusterView } from '@/engine/cluster/model';
import type { NodeId } from '@/engine/kernel/ids';
import type { EngineEvent } from '@/engine/monitoring/model';
import type { EngineMethod, EngineParams, EngineRequests, EngineResult } from '@/engine/runtime/engine-api';

export type LeaderMethods = {
  [M in EngineMethod]: EngineRequests[M]['scope'] extends 'leader' ? M : never;
}[EngineMethod];
export type NodeMethods = Exclude<EngineMethod, LeaderMethods>;

export type CurrentView = {
  readonly view: ClusterView;
  /** Milliseconds since this copy was confirmed by the engine. */
  readonly ageMs: number;
  /** True: streamed by the controller. False: a node's own replica (no control majority). */
  readonly live: boolean;
};

export type EventItem =
  | { readonly kind: 'event'; readonly event: EngineEvent }
  /** `from` is '0' when it speaks of everything before `to`. */
  | { readonly kind: 'gap'; readonly from: string; readonly to: string };

export interface EngineClient {
  /** @throws UNAVAILABLE before the first view arrived or when no node answers. */
  current(): CurrentView;
  /** Calls back after each change of the local copy. */
  onView(callback: () => void): () => void;
  /** Buffered events after `after` (null: none), in order; a gap is told first. */
  eventsSince(after: string | null): readonly EventItem[];
  onEvent(callback: (item: EventItem) => void): () => void;

  leader<M extends LeaderMethods>(method: M, params: EngineParams<M>, timeoutMs?: number): Promise<EngineResult<M>>;
  node<M extends NodeMethods>(
    node: NodeId,
    method: M,
    params: EngineParams<M>,
    timeoutMs?: number,
  ): Promise<EngineResult<M>>;
  /** Asks any connected node, the next one when the first does not answer. */
  anyNode<M extends NodeMethods>(method: M, params: EngineParams<M>, timeoutMs?: number): Promise<EngineResult<M>>;
  connectedNodes(): readonly NodeId[];
}
