/** A subscription over the three forms of server-sent events (REST, tRPC, GraphQL), each item as data; and its refusal. */
import type { GraphQLSchema } from 'graphql';
import type { AnyDefinition } from '@/server/procedures/definition';
import { documentOf, variablesOf } from '@/server/surfaces/graphql/document';
import { buildGraphqlSchema } from '@/server/surfaces/graphql/schema';
import type { Wire } from './console-fixture';
import { type Caller, restRequest } from './surface-calls';

export type Stream = {
  readonly error: Wire;
  /** The next item; undefined at the end. */
  next(): Promise<Wire>;
  close(): void;
};

type Open = (url: string, definition: AnyDefinition, input: object, caller: Caller) => Promise<Stream>;

export const streams: Readonly<Record<string, Open>> = {
  async REST(url, definition, input, caller) {
    const { address } = restRequest(definition, input as Record<string, unknown>);
    return opened(url + address, { headers: caller }, (event) => (event.event === 'message' ? event.data : undefined));
  },
  async tRPC(url, definition, input, caller) {
    const address = `${url}/api/trpc/${definition.name}?input=${encodeURIComponent(JSON.stringify(input))}`;
    return opened(address, { headers: { ...caller, Accept: 'text/event-stream' } }, ({ event, data }) => {
      if (event === 'serialized-error') throw data.data?.error ?? data;
      return event === 'message' ? data : undefined;
    });
  },
  async GraphQL(url, definition, input, caller) {
    schema ??= buildGraphqlSchema();
    const { field, text } = documentOf(definition, schema);
    const body = JSON.stringify({ query: text, variables: variablesOf(definition, input) });
    const headers = { ...caller, Accept: 'text/event-stream', 'Content-Type': 'application/json' };
    return opened(`${url}/graphql/stream`, { method: 'POST', headers, body }, ({ event, data }) => {
      const [error] = data?.errors ?? [];
      if (error) throw { message: error.message, ...error.extensions };
      return event === 'next' ? data.data[field] : undefined;
    });
  },
};

let schema: GraphQLSchema | null = null;

type ServerEvent = { readonly event: string; readonly data: Wire };

async function opened(address: string, init: RequestInit, itemOf: (event: ServerEvent) => Wire): Promise<Stream> {
  const controller = new AbortController();
  const response = await fetch(address, { ...init, signal: controller.signal });
  const close = () => controller.abort();
  if (!response.ok) {
    const body = (await response.json()) as Wire;
    const error = body.error?.data?.error ?? (body.errors ? { ...body.errors[0].extensions, ...body.errors[0] } : body);
    return { error, next: async () => undefined, close };
  }
  const received: Wire[] = [];
  let refused: Wire = null;
  let ended = false;
  let wake = () => {};
  const pump = async () => {
    try {
      for await (const event of eventsOf(response.body!)) {
        const item = itemOf(event);
        if (item === undefined) continue;
        received.push(item);
        wake();
      }
    } catch (error) {
      refused = error;
    }
    ended = true;
    wake();
  };
  void pump();
  const change = (limitMs: number) =>
    new Promise<void>((resolve) => {
      const timer = setTimeout(resolve, limitMs);
      wake = () => {
        clearTimeout(timer);
        resolve();
      };
    });
  // tRPC and GraphQL open the stream first and refuse in it, at once.
  await change(100);
  return {
    error: refused,
    close,
    async next() {
      while (received.length === 0 && !ended) await change(10_000);
      return received.shift();
    },
  };
}

async function* eventsOf(body: ReadableStream<Uint8Array>): AsyncGenerator<ServerEvent> {
  const decoder = new TextDecoder();
  let buffered = '';
  try {
    for await (const chunk of body as unknown as AsyncIterable<Uint8Array>) {
      buffered += decoder.decode(chunk, { stream: true });
      const parts = buffered.split('\n\n');
      buffered = parts.pop() ?? '';
      for (const part of parts) {
        const field = (name: string) =>
          part
            .split('\n')
            .filter((line) => line.startsWith(`${name}: `))
            .map((line) => line.slice(name.length + 2))
            .join('\n');
        const data = field('data');
        if (data !== '') yield { event: field('event') || 'message', data: JSON.parse(data) };
      }
    }
  } catch {
    // Closed by the test.
  }
}
