/** Pauses or resumes automatic failover of a group. */
import { z } from 'zod';
import { mutation } from '../definition';
import { findGroup } from '../shared/find';
import { requesterOf } from '../shared/identity';
import { untilSeen } from '../shared/own-write';
import { presentGroup } from '../shared/present-topology';
import { groupName } from '../shared/primitives';
import { group } from '../shared/wire-topology';

export const setAutomaticFailover = mutation({
  name: 'cluster.setAutomaticFailover',
  summary: 'Pause or resume automatic failover of a group',
  rest: { method: 'PUT', path: '/cluster/automatic-failover' },
  graphql: { field: 'setAutomaticFailover' },
  role: 'operator',
  rate: 'write',
  input: z.strictObject({
    group: groupName.optional().meta({ description: 'Default: the first group' }),
    enabled: z.boolean().meta({ description: 'False pauses, true resumes' }),
    reason: z.string().max(500).optional().meta({ description: 'Why; kept in the audit log' }),
  }),
  output: group,
  errors: ['INVALID_INPUT', 'FORBIDDEN', 'NOT_FOUND', 'UNAVAILABLE'],
  example: { group: 'alpha', enabled: true },
  async handler({ input, context }) {
    const current = context.engine.current();
    const found = findGroup(current.view, input.group);
    const requester = requesterOf(context, input.reason);
    const record = await context.engine.leader('group.put', {
      group: found.record.name,
      patch: { automaticFailover: input.enabled, automaticFailoverPausedBy: input.enabled ? null : requester.by },
      requester,
    });
    await untilSeen(context, (view) => {
      const seen = view.groups.find((one) => one.record.name === record.name)?.record;
      return seen?.automaticFailover === record.automaticFailover;
    });
    return presentGroup(current, { ...found, record });
  },
});
