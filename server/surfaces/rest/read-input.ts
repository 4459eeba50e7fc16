/** One input object from path, query and body. Query strings become what the schema says; a body must be JSON and fit. */
import type { IncomingMessage } from 'node:http';
import type { z } from 'zod';
import { ClusterError } from '@/engine/kernel/errors';
import type { Route } from './routes';

export const bodyLimitBytes = 1024 * 1024;
const bodyTimeoutMs = 15_000;

export async function readInput(
  request: IncomingMessage,
  route: Route,
  params: Readonly<Record<string, string>>,
  search: URLSearchParams,
): Promise<Record<string, unknown>> {
  const query = readQuery(route.definition.input, search);
  const body = route.method === 'GET' ? {} : await readJsonObject(request);
  const path = readParams(route.definition.input, params);
  for (const [key, value] of Object.entries(path)) {
    for (const other of [body, query]) {
      if (key in other && other[key] !== value) {
        throw new ClusterError('INVALID_INPUT', `${key}: is ${String(value)} in the path and differs elsewhere`);
      }
    }
  }
  return { ...query, ...body, ...path };
}

function readQuery(schema: z.ZodType, search: URLSearchParams): Record<string, unknown> {
  // Without a prototype: `__proto__` is then a key like any other that the schema does not have.
  const query: Record<string, unknown> = Object.create(null);
  for (const key of new Set(search.keys())) {
    query[key] = fromText(fieldOf(schema, key), search.getAll(key), key);
  }
  return query;
}

function readParams(schema: z.ZodType, params: Readonly<Record<string, string>>): Record<string, unknown> {
  return Object.fromEntries(
    Object.entries(params).map(([key, value]) => [key, fromText(fieldOf(schema, key), [value], key)]),
  );
}

function fieldOf(schema: z.ZodType, key: string): z.ZodType | null {
  const { def } = schema._zod as unknown as { def: { type: string; shape?: Record<string, z.ZodType> } };
  // Own keys only: `toString` is a key that no schema has.
  return def.type === 'object' && def.shape && Object.hasOwn(def.shape, key) ? def.shape[key]! : null;
}

/** What the field is once optional, default and nullable are taken off. */
export function bareType(schema: z.ZodType): { readonly type: string; readonly schema: z.ZodType } {
  let at = schema;
  for (;;) {
    const { def } = at._zod as unknown as { def: { type: string; innerType?: z.ZodType; in?: z.ZodType } };
    if (['optional', 'default', 'nullable', 'prefault', 'readonly', 'catch'].includes(def.type) && def.innerType) {
      at = def.innerType;
    } else return { type: def.type, schema: at };
  }
}

function fromText(schema: z.ZodType | null, values: readonly string[], key: string): unknown {
  if (schema === null) return values[0];
  const { type, schema: bare } = bareType(schema);
  if (type === 'array') {
    const { element } = (bare._zod as unknown as { def: { element: z.ZodType } }).def;
    return values.flatMap((value) => value.split(',')).map((value) => fromText(element, [value], key));
  }
  if (values.length > 1) throw new ClusterError('INVALID_INPUT', `${key}: given more than once`);
  const value = values[0] ?? '';
  // What does not look like the type stays text, and the schema says what is wrong with it.
  if (type === 'number' && /^-?\d+(\.\d+)?$/.test(value)) return Number(value);
  if (type === 'boolean' && (value === 'true' || value === 'false')) return value === 'true';
  return value;
}

async function readJsonObject(request: IncomingMessage): Promise<Record<string, unknown>> {
  const text = await readBody(request);
  if (text === '') return {};
  if (!/^application\/json\s*(;|$)/i.test(request.headers['content-type'] ?? '')) {
    throw new ClusterError('UNSUPPORTED_MEDIA_TYPE', 'The body must be application/json');
  }
  let parsed: unknown;
  try {
    parsed = JSON.parse(text);
  } catch {
    throw new ClusterError('INVALID_INPUT', 'The body is not valid JSON');
  }
  if (typeof parsed !== 'object' || parsed === null || Array.isArray(parsed)) {
    throw new ClusterError('INVALID_INPUT', 'The body must be a JSON object');
  }
  return parsed as Record<string, unknown>;
}

/** What says of itself to be something else is not read as if it were UTF-8. */
function requirePlainUtf8({ headers }: IncomingMessage): void {
  const encoding = headers['content-encoding'] ?? 'identity';
  if (encoding !== 'identity') throw new ClusterError('UNSUPPORTED_MEDIA_TYPE', 'The body must not be encoded');
  const [, charset] = /;\s*charset="?([^";\s]*)/i.exec(headers['content-type'] ?? '') ?? [];
  if (charset !== undefined && !/^utf-?8$/i.test(charset))
    throw new ClusterError('UNSUPPORTED_MEDIA_TYPE', 'The body must be UTF-8');
}

/** @throws PAYLOAD_TOO_LARGE, REQUEST_TIMEOUT, UNSUPPORTED_MEDIA_TYPE, INVALID_INPUT (not UTF-8) */
export async function readBody(request: IncomingMessage, limit = bodyLimitBytes): Promise<string> {
  requirePlainUtf8(request);
  if (Number(request.headers['content-length'] ?? 0) > limit) throw tooLarge(limit);
  return new Promise((resolve, reject) => {
    const chunks: Buffer[] = [];
    let size = 0;
    const timer = setTimeout(
      () => finish(() => reject(new ClusterError('REQUEST_TIMEOUT', 'The body took too long to arrive'))),
      bodyTimeoutMs,
    );
    const finish = (act: () => void) => {
      clearTimeout(timer);
      request.off('data', onData).off('end', onEnd).off('error', onLost).off('close', onLost);
      act();
    };
    const onData = (chunk: Buffer) => {
      size += chunk.length;
      if (size > limit) finish(() => reject(tooLarge(limit)));
      else chunks.push(chunk);
    };
    const onEnd = () =>
      finish(() => {
        try {
          resolve(new TextDecoder('utf-8', { fatal: true }).decode(Buffer.concat(chunks)));
        } catch {
          reject(new ClusterError('INVALID_INPUT', 'The body is not valid UTF-8'));
        }
      });
    const onLost = () => finish(() => reject(new ClusterError('REQUEST_TIMEOUT', 'The request ended early')));
    request.on('data', onData).on('end', onEnd).on('error', onLost).on('close', onLost);
  });
}

function tooLarge(limit: number): ClusterError {
  return new ClusterError('PAYLOAD_TOO_LARGE', `The body is larger than ${limit} bytes`);
}
