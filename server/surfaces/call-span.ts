/**
 * The span of a call, by the conventions for remote procedure calls (and for HTTP where the call is a REST request). A caller's `traceparent` is
 * honoured: whether the call is recorded is then the caller's choice.
 */
import { isClusterError } from '@/engine/kernel/errors';
import { inSpan } from '@/engine/kernel/tracing';
import type { AnyDefinition } from '@/server/procedures/definition';
import type { CallContext } from './call-context';
import { apiPrefix } from './rest/routes';

export function inCallSpan<T>(
  definition: AnyDefinition,
  call: CallContext,
  run: (context: CallContext) => Promise<T>,
): Promise<T> {
  const { rest } = definition;
  const attributes = {
    'rpc.system.name': 'rustydb',
    'rpc.method': definition.name,
    ...(call.surface === 'rest' && rest
      ? { 'http.request.method': rest.method, 'http.route': `${apiPrefix}${rest.path}` }
      : {}),
    'rustydb.surface': call.surface,
    'rustydb.request_id': call.requestId,
    'rustydb.caller.kind': call.identity.kind,
  };
  const request = { name: definition.name, kind: 'server', parent: call.traceparent ?? null, attributes } as const;
  return inSpan(request, async (span) => {
    try {
      const { traceparent } = span;
      const output = await run(traceparent === null ? call : { ...call, traceparent });
      span.set({ 'rustydb.code': 'OK' });
      return output;
    } catch (error) {
      span.set({ 'rustydb.code': isClusterError(error) ? error.code : 'INTERNAL' });
      throw error;
    }
  });
}
