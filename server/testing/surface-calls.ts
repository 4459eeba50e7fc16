/** The same call of a procedure over REST, tRPC and GraphQL, each answer reduced to what must be equal: data or error body. */
import type { GraphQLSchema } from 'graphql';
import type { AnyDefinition } from '@/server/procedures/definition';
import { documentOf, variablesOf } from '@/server/surfaces/graphql/document';
import { buildGraphqlSchema } from '@/server/surfaces/graphql/schema';
import { isPageOutput } from '@/server/surfaces/rest/present';
import type { Wire } from './console-fixture';

export type Answer = {
  readonly status: number;
  /** Undefined: no body (204). */
  readonly data: Wire;
  /** REST: as it was sent, where `data` is only the list inside. */
  readonly body?: Wire;
  /** Cursor of the next page of a list. */
  readonly next?: string | null;
  readonly error: { readonly code: string; readonly message: string; readonly details: Wire } | null;
};

export type Caller = Readonly<Record<string, string>>;
export type SurfaceCall = (
  url: string,
  definition: AnyDefinition,
  input: Readonly<Record<string, unknown>>,
  caller: Caller,
) => Promise<Answer>;

export const restCall: SurfaceCall = async (url, definition, input, caller) => {
  const { method, address, body } = restRequest(definition, input);
  const response = await fetch(url + address, request(method, caller, body));
  const text = await response.text();
  const parsed = text === '' ? undefined : JSON.parse(text);
  const [, following] = /<([^>]+)>; rel="next"/.exec(response.headers.get('link') ?? '') ?? [];
  const next = following === undefined ? null : new URL(following, url).searchParams.get('cursor');
  const { wrappedAs } = definition.rest!;
  const data = wrappedAs === undefined ? parsed : parsed?.[wrappedAs];
  return response.ok
    ? { status: response.status, data, body: parsed, next, error: null }
    : { status: response.status, data: undefined, error: parsed };
};

export const trpcCall: SurfaceCall = async (url, definition, input, caller) => {
  const isQuery = definition.kind === 'query';
  const search = isQuery ? `?input=${encodeURIComponent(JSON.stringify(input))}` : '';
  const address = `${url}/api/trpc/${definition.name}${search}`;
  const response = await fetch(address, request(isQuery ? 'GET' : 'POST', caller, isQuery ? undefined : input));
  const body = (await response.json()) as Wire;
  if (body.error) return { status: response.status, data: undefined, error: body.error.data.error };
  const { data } = body.result;
  if (isPageOutput(definition)) {
    return { status: response.status, data: data.items, next: data.next_cursor, error: null };
  }
  return { status: response.status, data, error: null };
};

let schema: GraphQLSchema | null = null;

export const graphqlCall: SurfaceCall = async (url, definition, input, caller) => {
  schema ??= buildGraphqlSchema();
  const { field, text } = documentOf(definition, schema);
  const payload = { query: text, variables: variablesOf(definition, input) };
  const response = await fetch(`${url}/graphql`, request('POST', caller, payload));
  const body = (await response.json()) as Wire;
  const [error] = body.errors ?? [];
  if (error) {
    return { status: response.status, data: undefined, error: { message: error.message, ...error.extensions } };
  }
  const data = body.data[field];
  if (isPageOutput(definition)) {
    return { status: response.status, data: data.items, next: data.nextCursor, error: null };
  }
  return { status: response.status, data, error: null };
};

/** Path, query and body of a procedure's REST form. */
export function restRequest(definition: AnyDefinition, input: Readonly<Record<string, unknown>>) {
  const { method, path } = definition.rest!;
  const rest = { ...input };
  const filled = path.replaceAll(/\{(\w+)\}/g, (_whole, key: string) => {
    const value = encodeURIComponent(String(rest[key]));
    delete rest[key];
    return value;
  });
  const search = new URLSearchParams(
    Object.entries(rest).flatMap(([key, value]) =>
      Array.isArray(value) ? value.map((one) => [key, String(one)]) : value === undefined ? [] : [[key, String(value)]],
    ),
  );
  const hasQuery = method === 'GET' && search.size > 0;
  return {
    method,
    address: `/api/v1${filled}${hasQuery ? `?${search}` : ''}`,
    body: method === 'GET' ? undefined : rest,
  };
}

function request(method: string, caller: Caller, body: unknown): RequestInit {
  return {
    method,
    headers: { ...caller, ...(body === undefined ? {} : { 'Content-Type': 'application/json' }) },
    body: body === undefined ? undefined : JSON.stringify(body),
  };
}

/**
 * Differences of two answers of the same call. Moments and ages go on between two calls; REST says times in seconds where GraphQL says
 * ISO 8601; GraphQL says null where REST leaves out. With `fresh` each call made something new: what identifies it differs.
 */
export function differences(left: Wire, right: Wire, fresh: boolean, path = ''): string[] {
  if (left === undefined || left === null || right === undefined || right === null) {
    return (left ?? null) === (right ?? null) || moving.test(path) ? [] : [`${path}: ${left} and ${right}`];
  }
  if (Array.isArray(left) && Array.isArray(right)) {
    if (left.length !== right.length) return [`${path}: ${left.length} and ${right.length} items`];
    return left.flatMap((one, index) => differences(one, right[index], fresh, `${path}.${index}`));
  }
  if (typeof left === 'object' && typeof right === 'object') {
    const keys = new Set([...Object.keys(left), ...Object.keys(right)]);
    return [...keys].flatMap((key) => differences(left[key], right[key], fresh, `${path}.${key}`));
  }
  if (left === right || sameMoment(left, right)) return [];
  const same = typeof left === typeof right && (moving.test(path) || (fresh && identifying.test(path)));
  return same ? [] : [`${path}: ${left} and ${right}`];
}

const moving = /(_ms|_at|\.at|age|timestamp|uptime_seconds|last_\w+|cpu_\w+|memory_\w+)$/;
const identifying =
  /\.(id|operation_id|token|path|name|username|prefix|secret|request_id|requested_by|user_id|message|head|hash)$/;

function sameMoment(left: unknown, right: unknown): boolean {
  const moment = (value: unknown) => (typeof value === 'string' ? Date.parse(value) : Number(value) * 1000);
  if (typeof left === 'number' && typeof right === 'number') return false;
  return Math.abs(moment(left) - moment(right)) < 5000;
}
