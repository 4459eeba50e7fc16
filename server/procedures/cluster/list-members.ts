/** Membership as the controller sees it. */
import { z } from 'zod';
import { query } from '../definition';
import { paginate } from '../shared/page';
import { naturalName } from '../shared/present-node';
import { pageInput, pageOf } from '../shared/primitives';
import { presentMembers } from './present-health';
import { member } from './wire-health';

export const listMembers = query({
  name: 'cluster.listMembers',
  summary: 'Membership view: state, incarnation, last heartbeat, suspicion',
  rest: { method: 'GET', path: '/cluster/members' },
  graphql: { field: 'clusterMembers' },
  role: 'viewer',
  rate: 'read',
  input: z.strictObject({ ...pageInput }),
  output: pageOf(member),
  errors: ['INVALID_INPUT', 'UNAVAILABLE'],
  example: {},
  handler({ input, context }) {
    return paginate(presentMembers(context.engine.current()), input, {
      list: 'cluster.listMembers',
      key: (member) => naturalName(member.node_id),
      direction: 1,
    });
  },
});
