/** The procedures of `replication`: standbys, slots, WAL streams and archiving. */
import { configure } from './configure';
import { createSlot } from './create-slot';
import { deleteSlot } from './delete-slot';
import { getClusterReplication } from './get-cluster-replication';
import { getConfig } from './get-config';
import { getDashboard } from './get-dashboard';
import { getHealth } from './get-health';
import { getLag } from './get-lag';
import { getMetrics } from './get-metrics';
import { getSlot } from './get-slot';
import { getStatus } from './get-status';
import { listArchiving } from './list-archiving';
import { listErrors } from './list-errors';
import { listLagMetrics } from './list-lag-metrics';
import { listSlots } from './list-slots';
import { listThroughput } from './list-throughput';
import { listWalStreams } from './list-wal-streams';
import { pauseReplica } from './pause-replica';
import { pauseWalStream } from './pause-wal-stream';
import { promote } from './promote';
import { resumeReplica } from './resume-replica';
import { resumeWalStream } from './resume-wal-stream';
import { switchWal } from './switch-wal';
import { watchLag } from './watch-lag';
import { watchSlots } from './watch-slots';

export const replication = {
  configure,
  createSlot,
  deleteSlot,
  getClusterReplication,
  getConfig,
  getDashboard,
  getHealth,
  getLag,
  getMetrics,
  getSlot,
  getStatus,
  listArchiving,
  listErrors,
  listLagMetrics,
  listSlots,
  listThroughput,
  listWalStreams,
  pauseReplica,
  pauseWalStream,
  promote,
  resumeReplica,
  resumeWalStream,
  switchWal,
  watchLag,
  watchSlots,
} as const;
