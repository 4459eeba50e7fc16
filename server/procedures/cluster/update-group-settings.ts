/** Changes PostgreSQL settings on every member of a group, by rolling restart where a setting needs one. */
import { z } from 'zod';
import { mutation } from '../definition';
import { findGroup } from '../shared/find';
import { runOperation } from '../shared/operate';
import { groupName, guardInput } from '../shared/primitives';
import { operation } from '../shared/wire-operation';

export const updateGroupSettings = mutation({
  name: 'cluster.updateGroupSettings',
  summary: 'Change PostgreSQL settings of a group; rolling restart where needed',
  rest: { method: 'PUT', path: '/cluster/groups/{group}/settings' },
  graphql: { field: 'updateGroupSettings' },
  role: 'operator',
  rate: 'write',
  input: z.strictObject({
    group: groupName,
    settings: z
      .record(z.string().regex(/^[a-z_][a-z0-9_.]{0,62}$/), z.string().max(1000).nullable())
      .refine((settings) => Object.keys(settings).length > 0, 'name at least one setting')
      .meta({ description: 'Setting to value; null resets it' }),
    ...guardInput,
  }),
  output: operation,
  errors: ['INVALID_INPUT', 'FORBIDDEN', 'NOT_FOUND', 'CONFLICT', 'PRECONDITION_FAILED', 'UNAVAILABLE'],
  example: { group: 'alpha', settings: { work_mem: '8MB' }, dry_run: true },
  handler({ input, context }) {
    const group = findGroup(context.engine.current().view, input.group).record.name;
    return runOperation(context, input, { kind: 'change-settings', group, settings: input.settings });
  },
});
