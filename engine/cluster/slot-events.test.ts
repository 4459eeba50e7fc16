import { describe, expect, it } from 'vitest';
import type { EngineEvent } from '../monitoring/model';
import type { SlotChange, SlotNotice } from '../replication/model';
import { slot } from '../testing/slot-fixture';
import { SlotEvents } from './slot-events';

type Told = Omit<EngineEvent, 'eventId' | 'timestamp'>;

function watched() {
  const told: Told[] = [];
  return { told, events: new SlotEvents((event) => told.push(event)) };
}

const notice = (changes: readonly SlotChange[], life = 'life-1'): SlotNotice => ({
  node: 'node-1',
  group: 'alpha',
  life,
  changes,
});
const created: SlotChange = { kind: 'created', slot: slot('feed'), at: '1' };
const lost: SlotChange = { kind: 'wal_status', slot: slot('feed', { walStatus: 'lost' }), at: '2' };

describe('slot events', () => {
  it('say what the agent saw, in the API’s words', () => {
    const { told, events } = watched();
    events.take(notice([created, lost]));
    expect(told.map((event) => [event.eventType, event.severity])).toEqual([
      ['slot_created', 'info'],
      ['slot_wal_status', 'error'],
    ]);
    expect(told[0]).toMatchObject({
      category: 'replication',
      source: 'node:node-1',
      payload: {
        node_id: 'node-1',
        group: 'alpha',
        slot_name: 'feed',
        owner: 'user',
        change: 'created',
        wal_status: 'reserved',
      },
    });
    expect(told[1]!.payload.sentence).toBe('Slot feed on node-1: the WAL that it needs is lost.');
  });

  it('are told once when a notice comes again, and anew by another agent process', () => {
    const { told, events } = watched();
    events.take(notice([created]));
    events.take(notice([created, lost]));
    events.take(notice([lost]));
    expect(told).toHaveLength(2);
    events.take(notice([created], 'life-2'));
    expect(told).toHaveLength(3);
  });
});
