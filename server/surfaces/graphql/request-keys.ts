/** What a GraphQL request may hold, in whatever form it comes: a key that is misspelt would be left out silently. */
import { ClusterError } from '@/engine/kernel/errors';

/** By the GraphQL over HTTP specification; of `extensions` only a persisted query is read. */
export const requestKeys = ['query', 'variables', 'operationName', 'extensions'] as const;

/** @throws INVALID_INPUT */
export function requireKnownKeys(keys: Iterable<string>): void {
  const unknown = [...keys].find((key) => !(requestKeys as readonly string[]).includes(key));
  if (unknown === undefined) return;
  const message = `Unknown field: ${unknown}; known are ${requestKeys.join(', ')}`;
  throw new ClusterError('INVALID_INPUT', message, { extra: { fields: [{ field: unknown, message }] } });
}
