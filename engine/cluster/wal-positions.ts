/**
 * Where the WAL of each group stands, as events for who listens. Invariant: at most one per group and look (the controller looks once a second), and
 * none when no position moved.
 */
import { lagBytes } from '../kernel/lsn';
import type { EngineEvent } from '../monitoring/model';
import { type GroupSnapshot, isFresh } from '../operations/core/snapshot';

type Draft = Omit<EngineEvent, 'eventId' | 'timestamp'>;

export class WalPositions {
  /** Per group: what was told last. */
  readonly #told = new Map<string, string>();

  /** What moved since the last look. */
  look(groups: readonly GroupSnapshot[], leaseMs: number): readonly Draft[] {
    const names = new Set(groups.map((group) => group.record.name));
    for (const name of this.#told.keys()) if (!names.has(name)) this.#told.delete(name);
    return groups.flatMap((group) => {
      const payload = positionsOf(group, leaseMs);
      if (payload === null) return [];
      const told = JSON.stringify(payload);
      if (this.#told.get(group.record.name) === told) return [];
      this.#told.set(group.record.name, told);
      return [
        {
          category: 'replication',
          eventType: 'wal_position_update',
          severity: 'info',
          source: `node:${payload.node_id}`,
          payload,
        },
      ];
    });
  }
}

/** Null: no primary is heard. Members that are silent are left out: where they are now is not known. */
function positionsOf({ record, members }: GroupSnapshot, leaseMs: number) {
  const heard = members.filter((member) => isFresh(member, leaseMs));
  const primary = heard.find((member) => member.record.id === record.primary)?.report?.postgres;
  if (primary?.state !== 'primary' || primary.lsn === null) return null;
  const { lsn } = primary;
  const replicas = heard.flatMap(({ record: { id }, report }) => {
    if (id === record.primary || report?.postgres.state !== 'standby') return [];
    const { receiveLsn, replayLsn } = report.postgres;
    const sender = primary.senders.find((one) => one.applicationName === id);
    return [
      {
        replica_id: id,
        sent_lsn: sender?.sentLsn ?? null,
        flush_lsn: sender?.flushLsn ?? null,
        receive_lsn: receiveLsn,
        replay_lsn: replayLsn,
        // Two reports are never of the same moment: never below 0.
        lag_bytes: lagBytes(lsn, replayLsn),
      },
    ];
  });
  return { group: record.name, node_id: record.primary, timeline: primary.timeline, lsn, replicas };
}
