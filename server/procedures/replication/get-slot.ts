/** One replication slot by its name. */
import { z } from 'zod';
import { query } from '../definition';
import { presentSlot } from './present-slots';
import { findSlot } from './slots';
import { replicationSlot, slotNameArgument, slotPlace } from './wire-slots';

export const getSlot = query({
  name: 'replication.getSlot',
  summary: 'One replication slot',
  description:
    "Where several nodes hold one so called: the primary's of the first group, unless group or node is named.",
  rest: { method: 'GET', path: '/replication/slots/{name}' },
  graphql: { field: 'replicationSlot', nullable: true },
  role: 'viewer',
  rate: 'node',
  input: z.strictObject({ name: slotNameArgument, ...slotPlace }),
  output: replicationSlot,
  errors: ['NOT_FOUND', 'UNAVAILABLE'],
  example: { name: 'rustydb_node_2', group: 'alpha' },
  handler: async ({ input, context }) => presentSlot(await findSlot(context, input.name, input)),
});
