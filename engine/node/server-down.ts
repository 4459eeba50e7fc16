/** What a question to a PostgreSQL that is not there is answered: a reason and a way out instead of the socket's path. */
import { ClusterError } from '../kernel/errors';
import type { NodeId } from '../kernel/ids';

/** Starting up, shutting down, in recovery without hot standby. */
const notServing = /^57P0[1-3]$/;

/** The error itself when it is of another kind. */
export function serverDown(node: NodeId, error: unknown): unknown {
  const { code, syscall } = (error ?? {}) as { readonly code?: unknown; readonly syscall?: unknown };
  if (syscall !== 'connect' && !(typeof code === 'string' && notServing.test(code))) return error;
  return new ClusterError(
    'UNAVAILABLE',
    `PostgreSQL of ${node} does not answer: it is stopped, starting or stopping.`,
    {
      reasons: [
        {
          rule: 'postgres-answers',
          measured: 'no connection',
          limit: 'a connection',
          remedy: `Start ${node}, or wait until it has started, then repeat`,
          node,
        },
      ],
    },
  );
}
