/** Fuzzing of every procedure over REST, tRPC and GraphQL, by seed: request number n of a seed is always the same request. */
import fc from 'fast-check';
import type { Role } from '@/server/procedures/definition';
import { allProcedures } from '@/server/procedures/registry';
import { documentOf, variablesOf } from '@/server/surfaces/graphql/document';
import { buildGraphqlSchema } from '@/server/surfaces/graphql/schema';
import { restRequest } from '../surface-calls';
import { type FuzzAnswer, wrongWith } from './check';
import { inputOf } from './inputs';

export type FuzzTarget = { readonly url: string; readonly keys: Readonly<Record<Role, string>> };

export type Finding = { readonly number: number; readonly what: string; readonly request: string };

export type FuzzReport = {
  readonly requests: number;
  /** Answers by surface and status. */
  readonly statuses: Readonly<Record<string, number>>;
  readonly procedures: number;
  readonly slowestMs: number;
  readonly findings: readonly Finding[];
};

type Options = {
  readonly requests: number;
  readonly seed: number;
  readonly concurrency?: number;
  readonly onProgress?: (done: number) => void | Promise<void>;
};

type Sent = { readonly url: string; readonly init: RequestInit; readonly shown: string };

const surfaces = ['rest', 'trpc', 'graphql', 'raw'] as const;
const maxFindings = 20;
// A stream is opened, not called: see stream-run.ts.
const definitions = allProcedures.filter((one) => one.kind !== 'subscription');
const schema = buildGraphqlSchema();
const inputs = new Map(definitions.map((one) => [one.name, inputOf(one)]));
const documents = new Map(definitions.map((one) => [one.name, documentOf(one, schema).text]));

export async function fuzz(target: FuzzTarget, options: Options): Promise<FuzzReport> {
  const statuses: Record<string, number> = {};
  const findings: Finding[] = [];
  let slowestMs = 0;
  let next = 0;
  const worker = async () => {
    for (let number = next++; number < options.requests && findings.length < maxFindings; number = next++) {
      const surface = surfaces[number % surfaces.length]!;
      const sent = requestOf(target, options.seed, number);
      const answer = await ask(sent);
      slowestMs = Math.max(slowestMs, answer.ms);
      const key = `${surface} ${answer.status}`;
      statuses[key] = (statuses[key] ?? 0) + 1;
      const what = wrongWith(answer, sent.shown);
      if (what !== null) findings.push({ number, what, request: sent.shown.slice(0, 600) });
      if (number > 0 && number % 1000 === 0) await options.onProgress?.(number);
    }
  };
  await Promise.all(Array.from({ length: options.concurrency ?? 8 }, worker));
  const requests = Object.values(statuses).reduce((sum, count) => sum + count, 0);
  return { requests, statuses, procedures: definitions.length, slowestMs, findings };
}

function requestOf(target: FuzzTarget, seed: number, number: number): Sent {
  const surface = surfaces[number % surfaces.length]!;
  const definition = definitions[Math.floor(number / surfaces.length) % definitions.length]!;
  const draw = <T>(arbitrary: fc.Arbitrary<T>, salt: number) =>
    fc.sample(arbitrary, { numRuns: 1, seed: seed + number * 7 + salt })[0]!;
  const input = draw(inputs.get(definition.name)!, 0);
  const role = draw(fc.constantFrom<Role>('viewer', 'operator', 'admin', 'admin', 'admin'), 1);
  const headers: Record<string, string> = { 'X-API-Key': target.keys[role], 'Content-Type': 'application/json' };
  const object = (typeof input === 'object' && input !== null ? input : {}) as Record<string, unknown>;
  const post = (path: string, body: unknown): Sent => {
    const text = typeof body === 'string' ? body : JSON.stringify(body);
    return { url: target.url + path, init: { method: 'POST', headers, body: text }, shown: `POST ${path} ${text}` };
  };
  if (surface === 'graphql') {
    return post('/graphql', { query: documents.get(definition.name), variables: variablesOf(definition, input) });
  }
  if (surface === 'trpc') {
    if (definition.kind === 'mutation') return post(`/api/trpc/${definition.name}`, JSON.stringify(input) ?? '');
    const path = `/api/trpc/${definition.name}?input=${encode(JSON.stringify(input) ?? '')}`;
    return { url: target.url + path, init: { headers }, shown: `GET ${path} ${JSON.stringify(input)}` };
  }
  const { method, address, body } = safely(() => restRequest(definition, object)) ?? {
    method: definition.rest!.method,
    address: `/api/v1${definition.rest!.path.replaceAll(/\{\w+\}/g, 'x')}`,
    body: definition.rest!.method === 'GET' ? undefined : object,
  };
  const text = body === undefined ? undefined : JSON.stringify(body);
  if (surface === 'rest') {
    return { url: target.url + address, init: { method, headers, body: text }, shown: `${method} ${address} ${text}` };
  }
  return draw(rawOf(target, definition.rest!.method, address, text ?? JSON.stringify(object), headers), 2);
}

/** What no client that means well sends: broken JSON, other types and methods, broken documents, addresses beside ours. */
function rawOf(
  target: FuzzTarget,
  method: string,
  address: string,
  text: string,
  headers: Record<string, string>,
): fc.Arbitrary<Sent> {
  const broken = fc
    .tuple(fc.nat({ max: text.length }), fc.string({ maxLength: 6 }))
    .map(([at, extra]) => text.slice(0, at) + extra);
  const type = fc.constantFrom(
    'application/json',
    'text/plain',
    'application/x-www-form-urlencoded',
    'multipart/form-data',
  );
  const path = fc.oneof(
    fc.constant(address),
    fc.string({ maxLength: 30 }).map((end) => `/api/v1/${encode(end)}`),
    fc.string({ maxLength: 30 }).map((end) => `${address.split('?')[0]}?${encode(end)}=${encode(end)}`),
    fc.constantFrom(
      '/graphql',
      '/api/trpc/nothing',
      '/api/trpc/cluster.getNode,cluster.getConfig?batch=1&input={',
      '/graphql/stream',
      '/api/trpc/%zz',
      '/api/v1/%zz',
      '/api/v1/cluster/nodes/%c0%ae',
      '//',
    ),
  );
  const verb = fc.constantFrom(method, 'POST', 'PUT', 'DELETE', 'GET', 'PATCH', 'OPTIONS');
  const body = fc.oneof(
    broken,
    fc.json().map((json) => json.slice(0, 2000)),
    fc.string({ maxLength: 60 }).map((junk) => JSON.stringify({ query: `{ ${junk} }`, variables: junk })),
  );
  return fc.tuple(verb, path, type, body).map(([how, where, contentType, what]) => {
    const hasBody = how !== 'GET' && how !== 'OPTIONS';
    return {
      url: target.url + where,
      init: { method: how, headers: { ...headers, 'Content-Type': contentType }, body: hasBody ? what : undefined },
      shown: `${how} ${where} (${contentType}) ${hasBody ? what : ''}`,
    };
  });
}

async function ask({ url, init }: Sent): Promise<FuzzAnswer> {
  const startedAt = performance.now();
  const signal = AbortSignal.timeout(10_000);
  try {
    const response = await fetch(url, { ...init, redirect: 'manual', signal });
    const isStream = (response.headers.get('content-type') ?? '').startsWith('text/event-stream');
    const text = isStream ? '' : await response.text();
    if (isStream) await response.body?.cancel();
    return { status: response.status, text, ms: performance.now() - startedAt };
  } catch (error) {
    return { status: 599, text: `no answer: ${error}`, ms: performance.now() - startedAt };
  }
}

/** Lone surrogates have no form in an address. */
function encode(text: string): string {
  return encodeURIComponent(Buffer.from(text).toString());
}

function safely<T>(make: () => T): T | null {
  try {
    return make();
  } catch {
    return null;
  }
}
