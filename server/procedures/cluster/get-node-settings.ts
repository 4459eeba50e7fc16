/** PostgreSQL settings of a node. */
import { z } from 'zod';
import { query } from '../definition';
import { findNode } from '../find';
import { presentSetting } from '../present/node-details';
import { databaseSetting } from '../schemas/node';
import { nodeIdArgument } from '../schemas/primitives';

export const getNodeSettings = query({
  name: 'cluster.getNodeSettings',
  summary: 'PostgreSQL settings: value, source, pending restart',
  rest: { method: 'GET', path: '/cluster/nodes/{id}/settings' },
  graphql: { field: 'nodeSettings' },
  role: 'viewer',
  rate: 'node',
  input: z.strictObject({
    id: nodeIdArgument,
    contains: z.string().max(100).optional().meta({ description: 'Only names with this text' }),
    pending_restart: z.boolean().optional().meta({ description: 'Only those that wait for a restart, or not' }),
  }),
  output: z.array(databaseSetting),
  errors: ['NOT_FOUND', 'TIMEOUT', 'UNAVAILABLE'],
  example: { id: 'node-1', contains: 'wal' },
  async handler({ input, context }) {
    findNode(context.engine.current().view, input.id);
    const settings = await context.engine.node(input.id, 'node.settings', {});
    return settings
      .filter((one) => !input.contains || one.name.includes(input.contains))
      .filter((one) => input.pending_restart === undefined || one.pendingRestart === input.pending_restart)
      .map(presentSetting);
  },
});
