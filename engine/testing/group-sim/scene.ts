/** What a run's faults and checks look at. */
import type { GroupRecord } from '../../cluster/model';
import type { Checker } from './checkers';
import type { Host } from './host';
import type { Exchange, SimInterconnect } from './interconnect';
import type { World } from './world';

export const groupName = 'alpha';
export const spareGroup = 'spare';

export type Scene = {
  readonly world: World;
  readonly hosts: readonly Host[];
  readonly members: readonly Host[];
  readonly checker: Checker;
  readonly exchange: Exchange;
  /** A console: asks the leader for what people ask for. */
  readonly console: SimInterconnect;
  /** The control store may not survive the loss of one disk. */
  readonly fewVoters: boolean;
  readonly enoughMessages: number;
  record(): GroupRecord | null;
};
