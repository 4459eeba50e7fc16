/**
 * What the fuzzer asks of streams, by seed: event sockets with their filters, server-sent events of each subscription in its three forms, GraphQL
 * and tRPC over WebSocket, and upgrades that nobody who means well sends. The filters and inputs come from the schemas of channels and procedures.
 */
import fc from 'fast-check';
import type { AnyDefinition } from '@/server/procedures/definition';
import { allProcedures } from '@/server/procedures/registry';
import { channels } from '@/server/surfaces/events/channels';
import { documentOf, variablesOf } from '@/server/surfaces/graphql/document';
import { buildGraphqlSchema } from '@/server/surfaces/graphql/schema';
import { restRequest } from '../surface-calls';
import { anyOf, inputOf, nasty } from './inputs';

export type StreamKind = (typeof streamKinds)[number];

export const streamKinds = ['event-socket', 'sse', 'graphql-sse', 'graphql-ws', 'trpc-ws', 'upgrade'] as const;

/** `socket`: messages, then `last`, which only a socket that still works answers. `http`: one request whose answer may be a stream. */
export type StreamRequest =
  | {
      readonly form: 'socket';
      readonly path: string;
      readonly protocol: string | null;
      readonly headers: Readonly<Record<string, string>>;
      /** Sent first; the rest comes when the server has answered it, or at once where nothing is awaited. */
      readonly first: readonly string[];
      readonly awaitsAnswer: boolean;
      readonly messages: readonly (string | Buffer)[];
      readonly last: string;
      /** Whether a message from the server is the answer to `last`. */
      readonly isLast: (message: Message) => boolean;
    }
  | { readonly form: 'http'; readonly path: string; readonly init: RequestInit };

export type Message = { readonly [key: string]: unknown };

const schema = buildGraphqlSchema();
const subscriptions = allProcedures.filter((one) => one.kind === 'subscription');
/** Whatever is asked over a socket beside streams; reads only, so that the cluster stays as it is. */
const queries = allProcedures.filter((one) => one.kind === 'query');

const eventIds = fc.oneof(
  fc.constantFrom('0', '0000000001-000000000001', '0000000001-000000000003', '0000000000-000000000000', '1-1', '1'),
  fc.constantFrom('', ' ', '-', 'x', '1-', '-1', '1e9', '0x1', "1' or '1'='1", '\u0661-\u0661', 'a'.repeat(4000)),
  fc.string({ maxLength: 20 }),
);

export function arbitraryOf(kind: StreamKind, key: string): fc.Arbitrary<StreamRequest> {
  switch (kind) {
    case 'event-socket':
      return eventSocket(key);
    case 'sse':
      return sse(key);
    case 'graphql-sse':
      return graphqlSse(key);
    case 'graphql-ws':
      return graphqlSocket(key);
    case 'trpc-ws':
      return trpcSocket(key);
    case 'upgrade':
      return strangeUpgrade(key);
  }
}

const junk: fc.Arbitrary<string | Buffer> = fc.oneof(
  nasty.map(text),
  fc.json().map((json) => json.slice(0, 2000)),
  fc.string({ maxLength: 40 }),
  fc.uint8Array({ maxLength: 60 }).map((bytes) => Buffer.from(bytes)),
);

function eventSocket(key: string): fc.Arbitrary<StreamRequest> {
  return fc.constantFrom(...channels).chain((channel) => {
    const filter = anyOf(channel.filter as AnyDefinition['input']).map(text);
    const replay = eventIds.map((id) => text({ last_event_id: id }));
    const messages = fc.array(
      fc.oneof({ arbitrary: filter, weight: 6 }, { arbitrary: replay, weight: 2 }, { arbitrary: junk, weight: 2 }),
      { maxLength: 5 },
    );
    const query = fc.option(eventIds.map((id) => `?last_event_id=${encode(id)}`));
    return fc.tuple(messages, query).map(([sent, search]) => ({
      form: 'socket' as const,
      path: channel.path + (search ?? ''),
      protocol: null,
      headers: { 'X-API-Key': key },
      first: [],
      awaitsAnswer: true,
      messages: sent,
      last: '{"no_such_filter":true}',
      isLast: (message: Message) =>
        message.event_type === 'error' && String(message.message).includes('no_such_filter'),
    }));
  });
}

function sse(key: string): fc.Arbitrary<StreamRequest> {
  const forms = fc.constantFrom('rest', 'trpc');
  return fc.tuple(fc.constantFrom(...subscriptions), forms).chain(([definition, form]) => {
    const lastId = fc.option(eventIds.filter((id) => /^[\x20-\x7e]*$/.test(id)));
    return fc
      .tuple(inputOf(definition), lastId, fc.constantFrom('GET', 'GET', 'GET', 'HEAD'))
      .map(([input, id, method]) => ({
        form: 'http' as const,
        path:
          form === 'trpc'
            ? `/api/trpc/${definition.name}?input=${encode(text(input))}`
            : (safely(() => restRequest(definition, object(input)).address) ?? `/api/v1${definition.rest!.path}`),
        init: {
          method: form === 'trpc' ? 'GET' : method,
          headers: { 'X-API-Key': key, Accept: 'text/event-stream', ...(id === null ? {} : { 'Last-Event-ID': id }) },
        },
      }));
  });
}

/** A subscription as it should be, or with something beside, or broken in the middle. */
function documents(definition: AnyDefinition): fc.Arbitrary<string> {
  const { text: good } = documentOf(definition, schema);
  return fc.oneof(
    { arbitrary: fc.constant(good), weight: 6 },
    {
      arbitrary: fc
        .tuple(fc.nat({ max: good.length }), fc.string({ maxLength: 8 }))
        .map(([at, more]) => good.slice(0, at) + more + good.slice(at)),
      weight: 2,
    },
    { arbitrary: fc.constantFrom('{ __typename }', 'subscription { nothing }', '', `${good} ${good}`), weight: 1 },
  );
}

function graphqlCall(definition: AnyDefinition): fc.Arbitrary<Record<string, unknown>> {
  const variables = inputOf(definition).map((input) => safely(() => variablesOf(definition, input)) ?? input);
  const good = fc.record({ query: documents(definition), variables });
  const strange = fc.record(
    { query: nasty, variables: nasty, operationName: nasty, extensions: nasty },
    { requiredKeys: [] },
  );
  return fc.oneof({ arbitrary: good, weight: 7 }, { arbitrary: strange, weight: 1 });
}

function graphqlSse(key: string): fc.Arbitrary<StreamRequest> {
  return fc.constantFrom(...subscriptions).chain((definition) =>
    fc
      .tuple(
        graphqlCall(definition),
        fc.boolean(),
        fc.constantFrom(null, null, null, null, null, null, 'DELETE', 'PUT'),
      )
      .map(([call, asGet, other]) => {
        const method = other ?? (asGet ? 'GET' : 'POST');
        const search = asGet
          ? `?${Object.entries(call)
              .map(([name, value]) => `${name}=${encode(typeof value === 'string' ? value : text(value))}`)
              .join('&')}`
          : '';
        return {
          form: 'http' as const,
          path: `/graphql/stream${search}`,
          init: {
            method,
            headers: { 'X-API-Key': key, Accept: 'text/event-stream', 'Content-Type': 'application/json' },
            body: method === 'GET' || method === 'DELETE' ? undefined : text(call),
          },
        };
      }),
  );
}

function graphqlSocket(key: string): fc.Arbitrary<StreamRequest> {
  const ids = fc.constantFrom('1', '1', '2', '', 'x'.repeat(200));
  const call = fc.constantFrom(...subscriptions, ...queries).chain(graphqlCall);
  const subscribe = fc.tuple(ids, call).map(([id, payload]) => ({ id, type: 'subscribe', payload }));
  const control = fc.oneof(
    ids.map((id) => ({ id, type: 'complete' })),
    fc.constantFrom({ type: 'ping' }, { type: 'pong', payload: {} }, { type: 'next', id: '1', payload: {} }),
    fc.record({ type: nasty, id: nasty, payload: nasty }, { requiredKeys: [] }),
  );
  const message = fc.oneof(
    { arbitrary: subscribe.map(text), weight: 12 },
    { arbitrary: control.map(text), weight: 1 },
    // One of these ends the socket.
    { arbitrary: junk, weight: 1 },
  );
  const init = fc.oneof(
    { arbitrary: fc.constant([text({ type: 'connection_init' })]), weight: 6 },
    {
      arbitrary: nasty.map((payload) => [text({ type: 'connection_init', payload })]),
      weight: 1,
    },
    {
      arbitrary: nasty.map((value) => [text({ type: 'connection_init', payload: { 'X-API-Key': value } })]),
      weight: 1,
    },
    {
      arbitrary: fc.constantFrom([], [text({ type: 'connection_init' }), text({ type: 'connection_init' })]),
      weight: 1,
    },
  );
  // Without waiting, what follows comes before the server knows who calls.
  const waits = fc.constantFrom(true, true, true, false);
  return fc.tuple(init, fc.array(message, { maxLength: 5 }), waits).map(([first, messages, awaitsAnswer]) => ({
    form: 'socket' as const,
    path: '/graphql',
    protocol: 'graphql-transport-ws',
    headers: { 'X-API-Key': key },
    first,
    awaitsAnswer: awaitsAnswer && first.length > 0,
    messages,
    last: text({ type: 'ping', payload: { last: true } }),
    isLast: (answer: Message) => answer.type === 'pong' && (answer.payload as Message | undefined)?.last === true,
  }));
}

function trpcSocket(key: string): fc.Arbitrary<StreamRequest> {
  const ids = fc.constantFrom<unknown>(1, 1, 2, '3', null, -1, 1e308);
  const call = fc
    .constantFrom(...subscriptions, ...queries)
    .chain((definition) =>
      fc
        .tuple(ids, inputOf(definition), fc.constantFrom(definition.kind, definition.kind, 'query', 'subscription'))
        .map(([id, input, method]) => ({ id, jsonrpc: '2.0', method, params: { path: definition.name, input } })),
    );
  const control = fc.oneof(
    ids.map((id) => ({ id, method: 'subscription.stop' })),
    fc.record({ id: nasty, method: nasty, params: nasty }, { requiredKeys: [] }),
    fc.record({ id: ids, method: fc.constant('query'), params: fc.record({ path: nasty, input: nasty }) }),
  );
  const message = fc.oneof(
    { arbitrary: call.map(text), weight: 6 },
    { arbitrary: control.map(text), weight: 2 },
    { arbitrary: fc.array(call, { maxLength: 3 }).map(text), weight: 1 },
    { arbitrary: junk, weight: 1 },
  );
  return fc.array(message, { maxLength: 5 }).map((messages) => ({
    form: 'socket' as const,
    path: '/api/trpc',
    protocol: null,
    headers: { 'X-API-Key': key },
    first: [],
    awaitsAnswer: false,
    messages,
    last: text({ id: 4711, method: 'query', params: { path: 'no.such' } }),
    isLast: (answer: Message) => answer.id === 4711,
  }));
}

/** Over plain HTTP, for only so can the handshake itself be wrong. */
function strangeUpgrade(key: string): fc.Arbitrary<StreamRequest> {
  const paths = fc.oneof(
    fc.constantFrom(
      ...channels.map((one) => one.path),
      '/graphql',
      '/api/trpc',
      '/api/v1/ws/nothing',
      '/api/',
      '/nodes',
      '//',
    ),
    fc.string({ maxLength: 20 }).map((end) => `/api/v1/ws/${encode(end)}`),
  );
  const visible = fc.string({ maxLength: 30 }).map((some) => some.replaceAll(/[^\x21-\x7e]/g, ''));
  const headers = fc.record(
    {
      'X-API-Key': fc.oneof(fc.constant(key), visible),
      Cookie: visible.map((some) => `rustydb_session=${some}`),
      Origin: fc.constantFrom('https://evil.example', 'null', 'nonsense'),
      'Sec-WebSocket-Version': fc.constantFrom('13', '8', 'x'),
      'Sec-WebSocket-Key': fc.oneof(fc.constant('dGhlIHNhbXBsZSBub25jZQ=='), visible),
      'Sec-WebSocket-Protocol': fc.oneof(fc.constantFrom('graphql-ws', 'graphql-transport-ws'), visible),
      'Sec-WebSocket-Extensions': fc.oneof(fc.constant('permessage-deflate'), visible),
      'X-Request-Id': visible,
    },
    { requiredKeys: [] },
  );
  return fc.tuple(paths, headers, fc.constantFrom('websocket', 'websocket', 'h2c')).map(([path, sent, upgrade]) => ({
    form: 'http' as const,
    path,
    init: { method: 'GET', headers: { ...sent, Connection: 'Upgrade', Upgrade: upgrade } },
  }));
}

function text(value: unknown): string {
  return typeof value === 'string' ? value : (JSON.stringify(value) ?? 'undefined');
}

function object(value: unknown): Record<string, unknown> {
  return (typeof value === 'object' && value !== null ? value : {}) as Record<string, unknown>;
}

/** Lone surrogates have no form in an address. */
function encode(value: string): string {
  return encodeURIComponent(Buffer.from(value).toString());
}

function safely<T>(make: () => T): T | null {
  try {
    return make();
  } catch {
    return null;
  }
}
