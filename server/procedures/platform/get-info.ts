/** What this console is: names, versions, what is switched on. */
import { z } from 'zod';
import { query } from '../definition';

const platformInfo = z
  .object({
    product: z.string(),
    cluster_id: z.string(),
    cluster_name: z.string(),
    driver: z.enum(['embedded', 'patroni', 'attach']),
    rehearsal_enabled: z.boolean(),
    view_age_ms: z.number().nullable().meta({ description: 'Age of the view; null before the first' }),
    live: z.boolean().meta({ description: 'False: no control majority' }),
    connected_nodes: z.array(z.string()),
  })
  .meta({ id: 'PlatformInfo', description: 'What this console is' });

export const getInfo = query({
  name: 'platform.getInfo',
  summary: 'What this console is and what it sees',
  rest: { method: 'GET', path: '/info' },
  graphql: { field: 'platformInfo' },
  role: 'viewer',
  rate: 'read',
  input: z.strictObject({}),
  output: platformInfo,
  errors: [],
  example: {},
  handler({ context }) {
    const { facts, engine } = context;
    const connected = [...engine.connectedNodes()];
    const current = connected.length > 0 ? engine.current() : null;
    return {
      product: 'RustyDB Console',
      cluster_id: facts.clusterId,
      cluster_name: current?.view.config.clusterName ?? facts.clusterName,
      driver: 'embedded' as const,
      rehearsal_enabled: facts.rehearsalEnabled,
      view_age_ms: current?.ageMs ?? null,
      live: current?.live ?? false,
      connected_nodes: connected,
    };
  },
});
