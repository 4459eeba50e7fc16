/** What the areas' requests are like, for those who carry them: one line per area. */
import { xaMethods } from '../../xa/model';

export type AreaMethod = {
  /** Reads may be sent twice. */
  readonly effect: 'read' | 'write';
  /** What a key that is bound to groups may do with it: ask its own groups' nodes, or nothing. */
  readonly boundKeys: 'their nodes' | 'refused';
};

export const areaMethods = { ...xaMethods };
