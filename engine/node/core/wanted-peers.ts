/**
 * Which peers a node keeps a connection to, and which of those its report tells of. Pure. Up to `fullMeshNodes` everybody knows everybody, so that the
 * latency matrix is whole; beyond, a full mesh would cost each node a thousand connections and the controller a million link states.
 * Invariant: whoever this node may have to ask (its group; the voters, one of which leads) is always among them; a voter keeps all, because it may lead.
 */
import type { GroupName, NodeId } from '../../kernel/ids';

export const fullMeshNodes = 32;

export type Mesh = {
  readonly self: NodeId;
  readonly group: GroupName;
  readonly nodes: readonly { readonly id: NodeId; readonly group: GroupName }[];
  /** Of the control store; empty: not known yet. */
  readonly voters: readonly NodeId[];
};

export type WantedPeers = {
  readonly connected: ReadonlySet<NodeId>;
  /** Null: all that are connected. */
  readonly reported: ReadonlySet<NodeId> | null;
};

export function wantedPeers({ self, group, nodes, voters }: Mesh): WantedPeers {
  const all = nodes.map((node) => node.id);
  if (nodes.length <= fullMeshNodes) return { connected: new Set(all), reported: null };
  const own = nodes.filter((node) => node.group === group).map((node) => node.id);
  const votes = voters.includes(self);
  return {
    connected: new Set(votes || voters.length === 0 ? all : [...own, ...voters]),
    reported: new Set([...own, ...(votes ? voters : [])].slice(0, fullMeshNodes)),
  };
}
