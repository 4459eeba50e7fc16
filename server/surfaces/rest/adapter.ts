/** REST over the registry, in front of Next: strict, bounded, cached where the view allows. */
import type { IncomingMessage, ServerResponse } from 'node:http';
import { ClusterError } from '@/engine/kernel/errors';
import { isBreakGlass } from '@/server/auth/break-glass';
import { scopeKey } from '@/server/auth/group-scope';
import { toClusterError } from '@/server/errors/wire';
import type { AnyDefinition } from '@/server/procedures/definition';
import type { FileFormat } from '@/server/procedures/file-formats';
import { isAdmin } from '@/server/procedures/shared/identity';
import type { CallContext } from '../call-context';
import { callFor, type Services } from '../calls';
import { serveSse } from '../events/sse';
import { admitKnown, invoke, refuseUnread } from '../invoke';
import { deprecationHeaders } from './deprecation';
import { type HotAnswer, HotCache, matchesEtag, takesGzip } from './hot-cache';
import { fileFormatOf, sendListFile, withoutFormat } from './list-file';
import { presentRest } from './present';
import { readInput } from './read-input';
import { apiPrefix, match, type Route } from './routes';
import { sendError, sendJson, sendText } from './send';

type Call = {
  readonly request: IncomingMessage;
  readonly response: ServerResponse;
  readonly context: CallContext;
  readonly route: Route;
  readonly url: URL;
  readonly params: Readonly<Record<string, string>>;
};

export class RestAdapter {
  readonly #hot = new HotCache();

  constructor(private readonly services: Services) {}

  async handle(request: IncomingMessage, response: ServerResponse, requestId: string): Promise<void> {
    try {
      await this.#handle(request, response, requestId);
    } catch (thrown) {
      const error = toClusterError(thrown);
      if (error.code === 'INTERNAL') this.services.gate.logger.error({ err: thrown, requestId }, 'REST call failed');
      sendError(request, response, error, requestId);
    }
  }

  async #handle(request: IncomingMessage, response: ServerResponse, requestId: string): Promise<void> {
    const url = new URL(request.url ?? '/', 'http://console');
    const found = match(request.method ?? 'GET', url.pathname.slice(apiPrefix.length));
    if (found.kind === 'unknown') throw new ClusterError('NOT_FOUND', `No such address: ${url.pathname}`);
    if (found.kind === 'wrong-method') {
      const error = new ClusterError('METHOD_NOT_ALLOWED', `${url.pathname} takes ${found.allow.join(', ')}`);
      return sendError(request, response, error, requestId, { Allow: found.allow.join(', ') });
    }
    const { route, params } = found;
    for (const [name, value] of Object.entries(deprecationHeaders(route, params) ?? {}))
      response.appendHeader(name, value);
    const surface = route.definition.kind === 'subscription' ? 'sse' : 'rest';
    const context = await callFor(this.services, request, { surface, requestId, response });
    const call: Call = { request, response, context, route, url, params };
    if (route.definition.kind === 'subscription') return this.#stream(call);
    const format = fileFormatOf(route.definition, request, url.searchParams);
    if (format !== null) return this.#sendFile(call, format);
    if (route.definition.hot && !isBreakGlass(context.identity)) return this.#answerHot(call);
    await this.#answer(call);
  }

  async #answer({ request, response, context, route, url, params }: Call): Promise<void> {
    const { definition } = route;
    const input = await this.#read(definition, request, route, params, url, context);
    const output = await invoke(definition, input, context);
    const answer = await presentRest(definition, input, output, context, url);
    if (answer.body === undefined) {
      response.writeHead(answer.status, { 'Cache-Control': 'no-store' }).end();
    } else {
      sendJson(request, response, answer.status, answer.body, answer.headers);
    }
  }

  async #sendFile({ request, response, context, route, url, params }: Call, format: FileFormat): Promise<void> {
    const { definition } = route;
    const input = await this.#read(definition, request, route, params, url, context);
    await sendListFile({ definition, input, context, url }, format, request, response);
  }

  /** A body that can't be read is a refusal like any other: it is authorised first and audited. */
  async #read(
    definition: AnyDefinition,
    request: IncomingMessage,
    route: Route,
    params: Call['params'],
    url: URL,
    context: CallContext,
  ): Promise<Record<string, unknown>> {
    try {
      return await readInput(request, route, params, withoutFormat(route.definition, url.searchParams));
    } catch (error) {
      await refuseUnread(definition, error, context);
      throw error;
    }
  }

  async #answerHot({ request, response, context, route, url, params }: Call): Promise<void> {
    const { definition } = route;
    const current = context.engine.current();
    const scope = scopeKey(context.identity);
    const stamp = `${HotCache.stampOf(current)}${scope === '' ? '' : `-${scope}`}`;
    const key = `${url.pathname}${url.search}|${scope}|${isAdmin(context.identity) ? 'admin' : 'other'}`;
    let answer: HotAnswer | null = this.#hot.get(key, stamp);
    if (answer) {
      await admitKnown(definition, context);
    } else {
      const input = await readInput(request, route, params, withoutFormat(route.definition, url.searchParams));
      const output = await invoke(definition, input, context);
      const { body, headers } = await presentRest(definition, input, output, context, url);
      answer = this.#hot.put(key, stamp, Buffer.from(JSON.stringify(body)), headers?.Link ?? null);
    }
    const headers = {
      ETag: answer.etag,
      'Cache-Control': 'private, no-cache',
      Vary: 'Cookie, Authorization, X-API-Key, Accept-Encoding',
      ...(answer.link === null ? {} : { Link: answer.link }),
    };
    if (matchesEtag(request.headers['if-none-match'], answer.etag)) {
      response.writeHead(304, headers).end();
      return;
    }
    const type = { 'Content-Type': 'application/json; charset=utf-8' };
    const compressed = takesGzip(request.headers['accept-encoding']) ? await this.#hot.compressed(answer) : null;
    if (compressed === null) return sendText(request, response, 200, answer.body, { ...type, ...headers });
    // The same content in other bytes: the tag is weak.
    const encoded = { ...type, ...headers, ETag: `W/${answer.etag}`, 'Content-Encoding': 'gzip' };
    sendText(request, response, 200, compressed, encoded);
  }

  async #stream({ request, response, context, route, url, params }: Call): Promise<void> {
    const input = await readInput(request, route, params, withoutFormat(route.definition, url.searchParams));
    const lastEventId = request.headers['last-event-id'];
    if (typeof lastEventId === 'string' && route.definition.eventId) input.last_event_id = lastEventId;
    await serveSse(route.definition, input, context, request, response);
  }
}
