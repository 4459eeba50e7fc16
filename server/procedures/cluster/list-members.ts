/** Membership as the controller sees it. */
import { z } from 'zod';
import { query } from '../definition';
import { presentMembers } from '../present/health';
import { member } from '../schemas/topology';

export const listMembers = query({
  name: 'cluster.listMembers',
  summary: 'Membership view: state, incarnation, last heartbeat, suspicion',
  rest: { method: 'GET', path: '/cluster/members' },
  graphql: { field: 'clusterMembers' },
  role: 'viewer',
  rate: 'read',
  input: z.strictObject({}),
  output: z.array(member),
  errors: ['UNAVAILABLE'],
  example: {},
  handler: ({ context }) => presentMembers(context.engine.current()),
});
