/** PostgreSQL sessions of a node, and who blocks whom. */
import { z } from 'zod';
import type { SessionInfo, SessionPosition } from '@/engine/runtime/engine-api';
import { permits } from '@/server/auth/authorise';
import { query } from '../definition';
import { findNode } from '../shared/find';
import { brokenCursor, pageFrom } from '../shared/page';
import { nodeIdArgument, pageInput, pageOf } from '../shared/primitives';
import { presentSession } from './present-node-details';
import { databaseSession } from './wire-node-details';

/** PostgreSQL reads it: what is no time and no pid stops here. */
function placeOf([startedAt, pid]: readonly (string | number)[]): SessionPosition {
  if (!z.iso.datetime().safeParse(startedAt).success || !z.int32().safeParse(pid).success) throw brokenCursor();
  return { startedAt: String(startedAt), pid: Number(pid) };
}

export const listSessions = query({
  name: 'cluster.listSessions',
  summary: 'Sessions and who blocks whom',
  rest: { method: 'GET', path: '/cluster/nodes/{id}/sessions' },
  graphql: { field: 'nodeSessions' },
  role: 'viewer',
  rate: 'node',
  input: z.strictObject({ ...pageInput, id: nodeIdArgument }),
  output: pageOf(databaseSession),
  errors: ['INVALID_INPUT', 'NOT_FOUND', 'TIMEOUT', 'UNAVAILABLE'],
  example: { id: 'node-1' },
  async handler({ input, context }) {
    findNode(context.engine.current().view, input.id);
    const order = {
      list: `cluster.listSessions ${input.id}`,
      kinds: ['string', 'number'] as const,
      key: (session: SessionInfo) => [session.startedAt ?? '', session.pid],
    };
    const page = await pageFrom(input, order, (after, atMost) =>
      context.engine.node(input.id, 'node.sessions', { limit: atMost, after: after === null ? null : placeOf(after) }),
    );
    const readsStatements = permits(context.identity, 'operator');
    return { ...page, items: page.items.map((one) => presentSession(one, readsStatements)) };
  },
});
