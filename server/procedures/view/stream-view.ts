/** The live view for simple readers: whole at the start and after each change, at most four times a second. */
import { z } from 'zod';
import { subscription } from '../definition';
import { isAdmin } from '../shared/identity';
import { viewChanges } from '../shared/view-stream';
import { presentLive } from './present';
import { clusterLive } from './wire';

export const streamView = subscription({
  name: 'view.stream',
  summary: 'Live topology and operations',
  rest: { method: 'GET', path: '/cluster/topology/stream' },
  graphql: { field: 'clusterLive' },
  role: 'viewer',
  rate: 'read',
  input: z.strictObject({}),
  output: clusterLive,
  errors: ['UNAVAILABLE'],
  example: {},
  async *handler({ context }) {
    for await (const current of viewChanges(context)) {
      yield presentLive(current, isAdmin(context.identity));
    }
  },
});
