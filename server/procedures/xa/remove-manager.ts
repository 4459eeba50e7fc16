/** Removes a resource manager outside the cluster. */
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
  input: z.strictObject({ name: managerName, reason: reasonInput }),
  output: done,
  errors: ['INVALID_INPUT', 'NOT_FOUND', 'CONFLICT', 'TIMEOUT', 'UNAVAILABLE'],
  example: { name: 'billing' },
  async handler({ input, context }) {
    const { name, reason } = input;
    const { removed } = await askCoordinator(context, 'xa.manager.remove', {
      name,
      requester: requesterOf(context, reason),
    });
    if (!removed) throw new ClusterError('NOT_FOUND', `No resource manager ${name} is registered`);
    return { success: true, message: `Resource manager ${name} was removed` };
  },
});
