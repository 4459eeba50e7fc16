/** Slots for tables: an idle physical one that each row changes in one way. */
import type { NodeSlots, SlotInfo } from '../replication/model';

export function slot(name: string, patch: Partial<SlotInfo> = {}): SlotInfo {
  return {
    name,
    type: 'physical',
    plugin: null,
    database: null,
    temporary: false,
    active: false,
    activePid: null,
    restartLsn: '0/3000000',
    confirmedFlushLsn: null,
    walStatus: 'reserved',
    safeWalBytes: 4_294_967_296,
    retainedBytes: 1_048_576,
    catalogXmin: null,
    inactiveSince: null,
    invalidationReason: null,
    failover: false,
    synced: false,
    twoPhase: false,
    ...patch,
  };
}

export function serverSlots(slots: readonly SlotInfo[], patch: Partial<NodeSlots> = {}): NodeSlots {
  return {
    slots,
    inRecovery: false,
    walLevel: 'logical',
    slotLimit: 32,
    walKeepBytes: 4_294_967_296,
    databases: ['app', 'postgres'],
    ...patch,
  };
}
