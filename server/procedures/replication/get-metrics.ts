/** Replication of every group, now and over a window. */
import { z } from 'zod';
import { askNodes } from '../ask-nodes';
import { query } from '../definition';
import { selectGroups } from '../find';
import { presentGroupMetrics, presentStandbyMetrics, standbysOf } from '../present/monitoring';
import { replicationMetrics, windowMinutes } from '../schemas/monitoring';
import { groupName } from '../schemas/primitives';

export const getMetrics = query({
  name: 'replication.getMetrics',
  summary: 'Replication metrics, current and windowed',
  rest: { method: 'GET', path: '/replication/metrics' },
  graphql: { field: 'replicationMetrics' },
  role: 'viewer',
  rate: 'node',
  input: z.strictObject({
    group: groupName.optional().meta({ description: 'Only this group; default: all' }),
    minutes: windowMinutes,
  }),
  output: replicationMetrics,
  errors: ['INVALID_INPUT', 'NOT_FOUND', 'UNAVAILABLE'],
  example: {},
  async handler({ input, context }) {
    const { view } = context.engine.current();
    const groups = selectGroups(view, input.group);
    const question = { method: 'node.resources', params: { minutes: input.minutes } } as const;
    const { answers, missing } = await askNodes(context, standbysOf(view, groups), question);
    const standbys = answers.map(({ node, answer }) => presentStandbyMetrics(view, node.record.id, answer));
    return {
      window_minutes: input.minutes,
      groups: groups.map((group) => presentGroupMetrics(view, group, standbys)),
      missing_nodes: missing,
    };
  },
});
