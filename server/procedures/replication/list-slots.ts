/** Every replication slot of every member, as the servers tell it now. */
import { z } from 'zod';
import { query } from '../definition';
import { findNode, selectGroups } from '../shared/find';
import { cursorKey, paginate, type SortOrder } from '../shared/page';
import { groupName, nodeId, pageInput, partialPageOf } from '../shared/primitives';
import { presentSlot } from './present-slots';
import { askGroups, type FoundSlot, type GroupSlots, slotsOf } from './slots';
import { replicationSlot, slotType } from './wire-slots';

const order: SortOrder<FoundSlot> = {
  list: 'replication.listSlots',
  key: ({ in: { group }, node, slot }) => [group.record.name, node, slot.name],
  direction: 1,
};

export const listSlots = query({
  name: order.list,
  summary:
    'Replication slots of all members: who uses them, what WAL they keep, what a change of primary makes of them',
  rest: { method: 'GET', path: '/replication/slots', wrappedAs: 'slots' },
  graphql: { field: 'replicationSlots' },
  role: 'viewer',
  rate: 'node',
  input: z.strictObject({
    ...pageInput,
    group: groupName.optional().meta({ description: 'Default: all groups' }),
    node: nodeId.optional().meta({ description: 'Only of this node' }),
    active: z.boolean().optional().meta({ description: 'Only those that are in use, or only those that are not' }),
    slot_type: slotType.optional(),
    owner: z.enum(['engine', 'user']).optional().meta({ description: 'Only the engine’s, or only those of users' }),
  }),
  output: partialPageOf(replicationSlot),
  errors: ['INVALID_INPUT', 'NOT_FOUND', 'UNAVAILABLE'],
  example: { group: 'alpha' },
  async handler({ input, context }) {
    const { view } = context.engine.current();
    const of = input.node === undefined ? undefined : findNode(view, input.node).record.group;
    const [from = ''] = input.cursor === undefined ? [] : cursorKey(order.list, input.cursor);
    const groups = selectGroups(view, input.group);
    const asked = groups.filter(
      ({ record }) => record.name >= String(from) && (of === undefined || record.name === of),
    );
    const wanted = (found: readonly GroupSlots[]) =>
      found.flatMap(slotsOf).filter((one) => {
        if (input.node !== undefined && one.node !== input.node) return false;
        if (input.active !== undefined && one.slot.active !== input.active) return false;
        if (input.slot_type !== undefined && one.slot.type !== input.slot_type) return false;
        return input.owner === undefined || presentSlot(one).owner === input.owner;
      });
    const { found, whole } = await askGroups(
      context,
      asked,
      // RustyDB's clients know the count as a number: a first page counts all.
      (some) => input.cursor !== undefined && paginate(wanted(some), input, order).next_cursor !== null,
    );
    const page = paginate(wanted(found), input, order);
    const silent = found.flatMap((one) => one.missing).filter((id) => input.node === undefined || id === input.node);
    return {
      items: page.items.map(presentSlot),
      next_cursor: page.next_cursor,
      total_count: whole && asked.length === groups.length ? page.total_count : null,
      missing_nodes: silent,
      notice: silent.length > 0 ? `Slots of ${silent.join(', ')} are missing: PostgreSQL there does not answer` : null,
    };
  },
});
