/** A slot in the API's words: the same fields in lists, in answers and in events. */
import type { SlotInfo } from '../model';

export function slotFields(slot: SlotInfo) {
  return {
    slot_name: slot.name,
    slot_type: slot.type,
    plugin: slot.plugin,
    database: slot.database,
    temporary: slot.temporary,
    active: slot.active,
    active_pid: slot.activePid,
    restart_lsn: slot.restartLsn,
    confirmed_flush_lsn: slot.confirmedFlushLsn,
    wal_status: slot.walStatus,
    safe_wal_size: slot.safeWalBytes,
    retained_bytes: slot.retainedBytes,
    catalog_xmin: slot.catalogXmin,
    inactive_since: slot.inactiveSince,
    invalidation_reason: slot.invalidationReason,
    failover: slot.failover,
    synced: slot.synced,
    two_phase: slot.twoPhase,
  };
}
