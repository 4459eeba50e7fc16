/** The router's only way to the cluster: requests to agents and the stream of route hints. `EngineConnection` is the real one. */
import type { NodeId } from '../kernel/ids';
import type { EngineMethod, EngineParams, EngineResult, EngineStreams } from '../runtime/engine-api';

type AgentAddress = { readonly nodeId: NodeId; readonly host: string; readonly port: number };

export interface AgentLink {
  start(): Promise<void> | void;
  stop(): Promise<void> | void;
  /** All nodes to stay connected to, from now on. */
  setNodes(nodes: readonly AgentAddress[]): void;
  connectedNodes(): readonly NodeId[];
  /** @throws ClusterError UNAVAILABLE, TIMEOUT, or what the agent answered. */
  requestNode<M extends EngineMethod>(
    node: NodeId,
    method: M,
    params: EngineParams<M>,
    timeoutMs: number,
  ): Promise<EngineResult<M>>;
  /** Hints of one node; `onEnd` once, when the stream is over for whatever reason. */
  openRoutes(
    node: NodeId,
    onHint: (hint: EngineStreams['route.stream']['item']) => void,
    onEnd: () => void,
  ): { close(): void };
}
