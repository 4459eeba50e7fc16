/** The orders in which nodes can be listed. */
import type { SortOrder } from '../shared/page';
import { naturalName } from '../shared/present-node';
import type { WireNode } from '../shared/wire-node';

export const nodeSorts = [
  'name',
  '-name',
  'status',
  '-status',
  'group',
  '-group',
  'region',
  '-region',
  'lag',
  '-lag',
] as const;
export type NodeSort = (typeof nodeSorts)[number];

export function compareNodes(sort: NodeSort): SortOrder<WireNode> {
  const direction = sort.startsWith('-') ? -1 : 1;
  const field = sort.replace('-', '') as 'name' | 'status' | 'group' | 'region' | 'lag';
  return {
    list: `cluster.listNodes ${sort}`,
    direction,
    key: (node) => {
      if (field === 'lag') return [node.lag_bytes ?? Number.MAX_SAFE_INTEGER, ...naturalName(node.id)];
      if (field === 'name') return naturalName(node.id);
      return [node[field], ...naturalName(node.id)];
    },
  };
}
