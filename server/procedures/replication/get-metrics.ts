/** Replication of every group, now and over a window. */
import { z } from 'zod';
import { query } from '../definition';
import { selectGroups } from '../shared/find';
import { groupName } from '../shared/primitives';
import { presentGroupMetrics } from './present-monitoring';
import { askForSamples } from './standby-samples';
import { replicationMetrics, windowMinutes } from './wire-monitoring';

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
    const { standbys, missing } = await askForSamples(context, { view, groups, minutes: input.minutes });
    return {
      window_minutes: input.minutes,
      groups: groups.map((group) => presentGroupMetrics(view, group, standbys)),
      missing_nodes: missing,
    };
  },
});
