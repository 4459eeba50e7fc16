/** REST calls of the CLI: one attempt, bounded in time, errors as the server says them. */
import type { AnyDefinition } from '@/server/procedures/definition';
import { exitCodeOf, exitCodes } from './exit-codes';

export type Connection = {
  readonly url: string;
  readonly key: string | null;
  readonly timeoutMs: number;
  /** Of a change: repeated under the same key it is done once. */
  readonly idempotencyKey?: string | undefined;
};

export type ErrorBody = {
  readonly code: string;
  readonly message: string;
  readonly details: Readonly<Record<string, unknown>> | null;
};

/** What ends the command, with its exit code. */
export class CommandFailure extends Error {
  constructor(
    message: string,
    readonly exitCode: number,
    readonly body: ErrorBody | null = null,
  ) {
    super(message);
  }
}

export function addressOf(definition: AnyDefinition, input: Readonly<Record<string, unknown>>) {
  const rest = { ...input };
  const path = definition.rest!.path.replaceAll(/\{(\w+)\}/g, (_whole, key: string) => {
    const value = encodeURIComponent(String(rest[key]));
    delete rest[key];
    return value;
  });
  const { method } = definition.rest!;
  if (method !== 'GET') return { method, path: `/api/v1${path}`, body: JSON.stringify(rest) };
  const search = new URLSearchParams();
  for (const [key, value] of Object.entries(rest)) {
    for (const one of Array.isArray(value) ? value : [value]) search.append(key, String(one));
  }
  return { method, path: `/api/v1${path}${search.size > 0 ? `?${search}` : ''}`, body: undefined };
}

/** Undefined: done, nothing to tell (204). `notice` is told what is missing from a list. */
export async function call(
  connection: Connection,
  definition: AnyDefinition,
  input: Readonly<Record<string, unknown>>,
  notice: (text: string) => void = () => undefined,
): Promise<unknown> {
  return (await callPage(connection, definition, input, notice)).answer;
}

/** `accepted`: the server began something (202). `next`: the cursor of the next page, where the answer is a list that goes on. */
export type Page = { readonly answer: unknown; readonly accepted: boolean; readonly next: string | null };

export async function callPage(
  connection: Connection,
  definition: AnyDefinition,
  input: Readonly<Record<string, unknown>>,
  notice: (text: string) => void,
): Promise<Page> {
  const { method, path, body } = addressOf(definition, input);
  const headers = headersOf(connection, {
    ...(body === undefined ? {} : { 'Content-Type': 'application/json' }),
    ...(connection.idempotencyKey === undefined ? {} : { 'Idempotency-Key': connection.idempotencyKey }),
  });
  const signal = AbortSignal.timeout(connection.timeoutMs);
  const response = await fetched(connection, path, { method, body, signal, headers });
  const text = await response.text();
  if (!response.ok) throw failureOf(connection, response.status, text);
  const noticed = response.headers.get('x-notice');
  if (noticed !== null) notice(noticed);
  const [, following] = /<([^>]+)>; rel="next"/.exec(response.headers.get('link') ?? '') ?? [];
  const next = following === undefined ? null : new URL(following, connection.url).searchParams.get('cursor');
  return {
    answer: text === '' ? undefined : parsed(connection, response, text),
    accepted: response.status === 202,
    next,
  };
}

export function headersOf(connection: Connection, more: Readonly<Record<string, string>> = {}) {
  return { ...(connection.key === null ? {} : { 'X-API-Key': connection.key }), ...more };
}

export async function fetched(connection: Connection, path: string, init: RequestInit): Promise<Response> {
  // Trying again would not make it one.
  if (!URL.canParse(connection.url))
    throw new CommandFailure(`${connection.url} is no address of a console`, exitCodes.usage);
  const { protocol } = new URL(connection.url);
  if (protocol !== 'http:' && protocol !== 'https:')
    throw new CommandFailure(
      `${connection.url} is no address of a console: it begins with http:// or https://`,
      exitCodes.usage,
    );
  try {
    return await fetch(connection.url.replace(/\/$/, '') + path, init);
  } catch (error) {
    const cause = error instanceof Error && error.cause instanceof Error ? error.cause.message : String(error);
    const late = error instanceof Error && error.name === 'TimeoutError';
    const hint = /self.signed|certificate|unable to verify/i.test(cause)
      ? '. If you trust it, name its certificate, or that of who signed it, with --cacert'
      : '';
    throw new CommandFailure(
      late ? `${connection.url} did not answer in time` : `${connection.url} cannot be reached: ${cause}${hint}`,
      exitCodes.tryAgain,
    );
  }
}

export function failureOf(connection: Connection, status: number, text: string): CommandFailure {
  try {
    const body = JSON.parse(text) as ErrorBody;
    if (typeof body.code === 'string') {
      return new CommandFailure(body.message, exitCodeOf(body.code, body.details?.cluster_code), body);
    }
  } catch {
    // Not ours: a proxy in between.
  }
  return new CommandFailure(
    `${connection.url} answered ${status}, and not as a RustyDB console does: is the address right, is a proxy in between?`,
    status >= 500 ? exitCodes.tryAgain : exitCodes.unexpected,
  );
}

/** A sign-in page of a proxy, or any other web server, answers 200 to everything. */
export function noConsole(connection: Connection, answered: string): CommandFailure {
  return new CommandFailure(
    `${connection.url} is not a RustyDB console: ${answered}. Look at the address (--url, RUSTYDB_URL) and at proxies in between`,
    exitCodes.unexpected,
  );
}

/** @throws CommandFailure when the answer is not of this type */
export function mustBeOfType(connection: Connection, response: Response, type: string): void {
  const [is = ''] = (response.headers.get('content-type') ?? '').split(';');
  if (is.trim().toLowerCase() !== type)
    throw noConsole(connection, `it answered ${response.status} with ${is === '' ? 'no type' : is}, not ${type}`);
}

function parsed(connection: Connection, response: Response, text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    const type = response.headers.get('content-type') ?? 'no type';
    throw noConsole(connection, `it answered ${response.status} with ${type}, which is no JSON`);
  }
}
