/** Removes a resource manager outside the cluster; an admin may say force for one that is gone for good. */
import { z } from 'zod';
import { ClusterError } from '@/engine/kernel/errors';
import { mutation } from '../definition';
import { requesterOf } from '../shared/identity';
import { done } from '../shared/primitives';
import { askCoordinator } from './coordinator';
import { managerName, reasonInput } from './wire';

export const removeManager = mutation({
  name: 'xa.removeManager',
  summary: 'Remove a resource manager that holds no open branch',
  rest: { method: 'DELETE', path: '/xa/resource-managers/{name}' },
  graphql: { field: 'removeResourceManager' },
  role: 'operator',
  rate: 'write',
  adminKeys: ['force'],
  input: z.strictObject({
    name: managerName,
    force: z.boolean().default(false).meta({
      description:
        'Admin only: the server is gone for good; its branches are given up, and decided transactions end as heuristic',
    }),
    reason: reasonInput,
  }),
  output: done,
  errors: ['INVALID_INPUT', 'NOT_FOUND', 'CONFLICT', 'TIMEOUT', 'UNAVAILABLE'],
  example: { name: 'billing' },
  async handler({ input, context }) {
    const { name, force, reason } = input;
    const { removed, givenUp } = await askCoordinator(context, 'xa.manager.remove', {
      name,
      force,
      requester: requesterOf(context, reason),
    });
    if (!removed) throw new ClusterError('NOT_FOUND', `No resource manager ${name} is registered`);
    const lost =
      givenUp.length === 0
        ? ''
        : `; given up there: ${givenUp.slice(0, 20).join(', ')}${givenUp.length > 20 ? ' …' : ''}`;
    return { success: true, message: `Resource manager ${name} was removed${lost}` };
  },
});
