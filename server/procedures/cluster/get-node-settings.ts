/** PostgreSQL settings of a node. */
import { z } from 'zod';
import { query } from '../definition';
import { findNode } from '../shared/find';
import { paginate } from '../shared/page';
import { nodeIdArgument, pageInput, pageOf } from '../shared/primitives';
import { presentSetting } from './present-node-details';
import { databaseSetting } from './wire-node-details';

export const getNodeSettings = query({
  name: 'cluster.getNodeSettings',
  summary: 'PostgreSQL settings: value, source, pending restart',
  rest: { method: 'GET', path: '/cluster/nodes/{id}/settings' },
  graphql: { field: 'nodeSettings' },
  role: 'viewer',
  rate: 'node',
  input: z.strictObject({
    ...pageInput,
    id: nodeIdArgument,
    contains: z.string().max(100).optional().meta({ description: 'Only names with this text' }),
    pending_restart: z.boolean().optional().meta({ description: 'Only those that wait for a restart, or not' }),
  }),
  output: pageOf(databaseSetting),
  errors: ['INVALID_INPUT', 'NOT_FOUND', 'TIMEOUT', 'UNAVAILABLE'],
  example: { id: 'node-1', contains: 'wal' },
  async handler({ input, context }) {
    findNode(context.engine.current().view, input.id);
    const all = await context.engine.node(input.id, 'node.settings', {});
    const settings = all
      .filter((one) => !input.contains || one.name.includes(input.contains))
      .filter((one) => input.pending_restart === undefined || one.pendingRestart === input.pending_restart)
      .map(presentSetting);
    const list = `cluster.getNodeSettings ${input.id}`;
    return paginate(settings, input, { list, key: (setting) => [setting.name], direction: 1 });
  },
});
