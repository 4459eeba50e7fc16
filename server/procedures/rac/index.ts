/** The procedures of `rac`: the interconnect between nodes. */
import { getInterconnectStats } from './get-interconnect-stats';
import { getInterconnectStatus } from './get-interconnect-status';
import { listInterconnectLatency } from './list-interconnect-latency';

export const rac = {
  getInterconnectStats,
  getInterconnectStatus,
  listInterconnectLatency,
} as const;
