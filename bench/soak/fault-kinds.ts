/**
 * What the soak does to a running cluster. Each fault is over when its function returns (thawed, partition expired, room on the disk again, operations
 * ended); healing is then the product's business. Choices come from the seeded random source only.
 */
import {
  everythingReplaced,
  modeChanged,
  restartedClean,
  settingsChanged,
  switchedBackToBack,
  timingChanged,
  twoOperations,
} from './faults/changes';
import { dataLost, promotedByHand, roleSet, settingsReset, slotDropped } from './faults/damage';
import { logDiskFull, promiseDiskFull, walDiskFull } from './faults/disks';
import type { Fault } from './faults/fault';
import {
  checkpointerStopped,
  controllerKilled,
  guardianKilled,
  helperStopped,
  nodeFrozen,
  nodeKilled,
  partitioned,
  postgresKilled,
} from './faults/processes';

export const faultKinds = [
  'kill-postgres',
  'kill-node',
  'freeze-node',
  'partition',
  'kill-guardian',
  'kill-controller',
  'stop-checkpointer',
  'stop-helper',
  'full-wal-disk',
  'full-log-disk',
  'full-promise-disk',
  'switchovers',
  'change-settings',
  'change-timing',
  'change-mode',
  'two-operations',
  'reset-settings',
  'promote-by-hand',
  'drop-slot',
  'set-role',
  'lose-data',
  'clean-restart',
  'upgrade',
] as const;
export type FaultKind = (typeof faultKinds)[number];

export const faults: Readonly<Record<FaultKind, Fault>> = {
  'kill-postgres': postgresKilled,
  'kill-node': nodeKilled,
  'freeze-node': nodeFrozen,
  partition: partitioned,
  'kill-guardian': guardianKilled,
  'kill-controller': controllerKilled,
  'stop-checkpointer': checkpointerStopped,
  'stop-helper': helperStopped,
  'full-wal-disk': walDiskFull,
  'full-log-disk': logDiskFull,
  'full-promise-disk': promiseDiskFull,
  switchovers: switchedBackToBack,
  'change-settings': settingsChanged,
  'change-timing': timingChanged,
  'change-mode': modeChanged,
  'two-operations': twoOperations,
  'reset-settings': settingsReset,
  'promote-by-hand': promotedByHand,
  'drop-slot': slotDropped,
  'set-role': roleSet,
  'lose-data': dataLost,
  'clean-restart': restartedClean,
  upgrade: everythingReplaced,
};

/** These have disks of their own only in one group. */
export const needsDisks: ReadonlySet<FaultKind> = new Set<FaultKind>([
  'full-wal-disk',
  'full-log-disk',
  'full-promise-disk',
]);
