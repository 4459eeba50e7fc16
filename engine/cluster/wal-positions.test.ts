import { describe, expect, it } from 'vitest';
import { cluster } from '../testing/cluster-fixture';
import { WalPositions } from './wal-positions';

const leaseMs = 2_000;
const groupsAt = (lsn: string, more: Parameters<typeof cluster>[0] = {}) => [
  ...cluster({ ...more, nodes: { 'node-1': { postgres: { lsn } }, ...more.nodes } }).groups.values(),
];

describe('positions of the WAL', () => {
  it('are told of a group with its replicas, and again only when one moved', () => {
    const positions = new WalPositions();
    const [first, ...others] = positions.look(groupsAt('0/5000000'), leaseMs);
    expect(others).toEqual([]);
    expect(first).toMatchObject({
      category: 'replication',
      eventType: 'wal_position_update',
      source: 'node:node-1',
      payload: {
        group: 'alpha',
        lsn: '0/5000000',
        replicas: [{ replica_id: 'node-2' }, { replica_id: 'node-3' }],
      },
    });
    expect(positions.look(groupsAt('0/5000000'), leaseMs)).toEqual([]);
    const replayed = { nodes: { 'node-2': { postgres: { replayLsn: '0/4FFFFF0' } } } };
    const [moved] = positions.look(groupsAt('0/5000000', replayed), leaseMs);
    expect(moved?.payload.replicas).toContainEqual(
      expect.objectContaining({ replica_id: 'node-2', replay_lsn: '0/4FFFFF0', lag_bytes: 16 }),
    );
  });

  it('leave out who is silent, and say nothing without a primary that is heard', () => {
    const silent = groupsAt('0/5000000', { nodes: { 'node-3': { ageMs: 60_000 } } });
    expect(new WalPositions().look(silent, leaseMs)[0]?.payload.replicas).toHaveLength(1);
    const unheard = groupsAt('0/5000000', { nodes: { 'node-1': { postgres: { lsn: '0/5000000' }, ageMs: 60_000 } } });
    expect(new WalPositions().look(unheard, leaseMs)).toEqual([]);
  });
});
