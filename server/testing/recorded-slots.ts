/** The slots of a recorded cluster: each member holds one for each other member; primaries hold two of users, one of them copied to the standbys. */
import type { ClusterView } from '@/engine/cluster/model';
import type { NodeSlots, SlotInfo } from '@/engine/replication/model';

export function recordedSlots(view: ClusterView, id: string): NodeSlots {
  const group = view.nodes.find((one) => one.record.id === id)?.record.group;
  const primary = view.groups.find((one) => one.record.name === group)?.record.primary;
  const others = view.nodes.filter((one) => one.record.group === group && one.record.id !== id);
  const isPrimary = primary === id;
  return {
    slots: [
      recordedSlot('audit_feed', { type: 'logical', failover: true, synced: !isPrimary }),
      ...(isPrimary
        ? [recordedSlot('wal_archive', { retainedBytes: 5_000_000_000, safeWalBytes: -1, walStatus: 'unreserved' })]
        : []),
      ...others.map(({ record }) =>
        recordedSlot(`rustydb_${record.id.replaceAll('-', '_')}`, {
          active: isPrimary,
          activePid: isPrimary ? 4_000 : null,
        }),
      ),
    ],
    inRecovery: !isPrimary,
    walLevel: 'logical',
    slotLimit: 32,
    walKeepBytes: 4_294_967_296,
    databases: ['app', 'postgres'],
  };
}

function recordedSlot(name: string, patch: Partial<SlotInfo>): SlotInfo {
  const logical = patch.type === 'logical';
  return {
    name,
    type: 'physical',
    plugin: logical ? 'pgoutput' : null,
    database: logical ? 'app' : null,
    temporary: false,
    active: false,
    activePid: null,
    restartLsn: '0/5000000',
    confirmedFlushLsn: logical ? '0/5000028' : null,
    walStatus: 'reserved',
    safeWalBytes: 4_294_967_296,
    retainedBytes: 0,
    catalogXmin: logical ? 3_000_000_000 : null,
    inactiveSince: patch.active ? null : '2026-01-01T00:00:00.000Z',
    invalidationReason: null,
    failover: false,
    synced: false,
    twoPhase: false,
    ...patch,
  };
}
