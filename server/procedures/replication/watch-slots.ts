/** A replication slot, each time something about it changes but its position. */
import { z } from 'zod';
import { subscription } from '../definition';
import { streamEvents } from '../shared/event-stream';
import { presentSlotEvent } from './present-slots';
import { replicationSlot } from './wire-slots';

const eventTypes = ['slot_created', 'slot_dropped', 'slot_active', 'slot_inactive', 'slot_wal_status'];

export const watchSlots = subscription({
  name: 'replication.watchSlots',
  summary: 'A replication slot, each time it is created, dropped, taken into use, left idle, or its WAL status changes',
  rest: { method: 'GET', path: '/replication/slot-changes' },
  graphql: { field: 'slotStatusChanged', typeName: 'ReplicationSlot', rename: { slot_name: 'slotName' } },
  role: 'viewer',
  rate: 'read',
  input: z.strictObject({
    slot_name: z.string().min(1).max(63).optional().meta({ description: 'Only slots of this name; default: all' }),
  }),
  output: replicationSlot,
  errors: ['UNAVAILABLE'],
  example: {},
  async *handler({ input, context }) {
    for await (const event of streamEvents(context, { event_types: eventTypes })) {
      const slot = presentSlotEvent(event);
      if (slot && (input.slot_name === undefined || slot.slot_name === input.slot_name)) yield slot;
    }
  },
});
