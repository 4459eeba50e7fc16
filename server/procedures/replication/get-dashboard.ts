/** What a dashboard of replication shows, in one answer: verdicts, lag, throughput, slots and problems of each group. */
import { z } from 'zod';
import { query } from '../definition';
import { selectGroups } from '../shared/find';
import { groupName } from '../shared/primitives';
import { presentGroupDashboard, problemsOf } from './present-monitoring';
import { askForSamples } from './standby-samples';
import { replicationDashboard, windowMinutes } from './wire-monitoring';

export const getDashboard = query({
  name: 'replication.getDashboard',
  summary: 'Dashboard data: verdict, lag, throughput, slots and problems of every group',
  rest: { method: 'GET', path: '/replication/monitoring/dashboard' },
  graphql: { field: 'replicationMonitoringDashboard' },
  role: 'viewer',
  rate: 'node',
  input: z.strictObject({
    group: groupName.optional().meta({ description: 'Only this group; default: all' }),
    minutes: windowMinutes,
  }),
  output: replicationDashboard,
  errors: ['INVALID_INPUT', 'NOT_FOUND', 'UNAVAILABLE'],
  example: {},
  async handler({ input, context }) {
    const { view } = context.engine.current();
    const groups = selectGroups(view, input.group);
    const { standbys, missing } = await askForSamples(context, { view, groups, minutes: input.minutes });
    const shown = groups.map((group) => presentGroupDashboard(view, group, standbys));
    return {
      healthy: shown.every((group) => group.healthy),
      window_minutes: input.minutes,
      groups: shown,
      problems: problemsOf(view, groups),
      missing_nodes: missing,
      timestamp: Math.floor(Date.parse(view.at) / 1000),
    };
  },
});
