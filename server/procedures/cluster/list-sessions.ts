/** PostgreSQL sessions of a node, and who blocks whom. */
import { z } from 'zod';
import { query } from '../definition';
import { findNode } from '../find';
import { presentSession } from '../present/node-details';
import { databaseSession } from '../schemas/node';
import { nodeIdArgument } from '../schemas/primitives';

export const listSessions = query({
  name: 'cluster.listSessions',
  summary: 'Sessions and who blocks whom',
  rest: { method: 'GET', path: '/cluster/nodes/{id}/sessions' },
  graphql: { field: 'nodeSessions' },
  role: 'viewer',
  rate: 'node',
  input: z.strictObject({ id: nodeIdArgument }),
  output: z.array(databaseSession),
  errors: ['NOT_FOUND', 'TIMEOUT', 'UNAVAILABLE'],
  example: { id: 'node-1' },
  async handler({ input, context }) {
    findNode(context.engine.current().view, input.id);
    return (await context.engine.node(input.id, 'node.sessions', {})).map(presentSession);
  },
});
