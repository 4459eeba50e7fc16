/** Who can take part in distributed transactions. */
import { z } from 'zod';
import type { ManagerView } from '@/engine/xa/door';
import { query } from '../definition';
import { paginate, type SortOrder } from '../shared/page';
import { pageInput, pageOf } from '../shared/primitives';
import { askCoordinator } from './coordinator';
import { presentManager } from './present';
import { resourceManager } from './wire';

const order: SortOrder<ManagerView> = {
  list: 'xa.listManagers',
  key: ({ kind, name }) => [kind === 'group' ? 0 : 1, name],
  direction: 1,
};

export const listManagers = query({
  name: order.list,
  summary: 'Resource managers: the groups of this cluster, and servers outside',
  rest: { method: 'GET', path: '/xa/resource-managers' },
  graphql: { field: 'resourceManagers' },
  role: 'viewer',
  rate: 'node',
  input: z.strictObject(pageInput),
  output: pageOf(resourceManager),
  errors: ['INVALID_INPUT', 'TIMEOUT', 'UNAVAILABLE'],
  example: {},
  async handler({ input, context }) {
    const page = paginate(await askCoordinator(context, 'xa.managers', {}), input, order);
    return { ...page, items: page.items.map(presentManager) };
  },
});
