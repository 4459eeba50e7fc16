/** Forces a WAL segment switch on the primary of a group. */
import { z } from 'zod';
import { mutation } from '../definition';
import { findGroup, primaryOf } from '../shared/find';
import { requesterOf } from '../shared/identity';
import { groupName } from '../shared/primitives';
import { walSwitch } from './wire';

export const switchWal = mutation({
  name: 'replication.switchWal',
  summary: 'Force a WAL segment switch',
  rest: { method: 'POST', path: '/replication/wal/switch' },
  graphql: { field: 'switchWal' },
  role: 'operator',
  rate: 'write',
  local: true,
  input: z.strictObject({
    group: groupName.optional().meta({ description: 'Default: the first group' }),
    reason: z.string().max(500).optional().meta({ description: 'Why; kept in the audit log' }),
  }),
  output: walSwitch,
  errors: ['FORBIDDEN', 'NOT_FOUND', 'TIMEOUT', 'UNAVAILABLE'],
  example: { group: 'alpha' },
  async handler({ input, context }) {
    const { view } = context.engine.current();
    const group = findGroup(view, input.group).record.name;
    const primary = primaryOf(view, group);
    const requester = requesterOf(context, input.reason);
    const { lsn } = await context.engine.node(primary.record.id, 'node.wal.switch', { requester });
    return { success: true, message: `Switched to a new segment at ${lsn}`, group, node_id: primary.record.id, lsn };
  },
});
