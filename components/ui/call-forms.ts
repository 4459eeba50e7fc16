/**
 * One call as curl, GraphQL and rustydbctl, from what the OpenAPI document says of its procedure: nothing is written down twice. The API key and
 * every secret of the input come from the environment (a variable of the GraphQL document), so that none lands in a shell history by copying.
 * Invariant: each form, run as it stands, makes the server read the same input (cli/copied-calls.test.ts). Pure.
 */
import { curlCommand, shellQuoted } from './curl';
import { graphqlCall } from './graphql-call';

export type ApiCall = {
  readonly method: 'GET' | 'POST' | 'PUT' | 'DELETE';
  /** Below /api/v1. */
  readonly path: string;
  readonly body?: Readonly<Record<string, unknown>>;
};

/** A call by its procedure's name, as the console makes it. */
export type ProcedureCall = { readonly procedure: string; readonly input: Readonly<Record<string, unknown>> };

/** A change as the console offers it: the same object is sent and copied, so what is copied is what would be sent. */
export type Call<T = unknown> = ProcedureCall & { readonly send: () => Promise<T> };

type Operation = {
  readonly operationId: string;
  readonly deprecated?: boolean;
  readonly 'x-cli': string;
  readonly 'x-graphql-document'?: string;
  readonly 'x-graphql-input': 'input' | 'flat';
  /** Keys of the input whose values are never copied. */
  readonly 'x-secret-keys'?: readonly string[];
};

export type ApiDocument = { readonly paths: Readonly<Record<string, Readonly<Record<string, Operation>>>> };

export type CallForms = { readonly curl: string; readonly graphql: string | null; readonly cli: string | null };

type Found = { readonly operation: Operation; readonly method: string; readonly template: string };

/** Where rustydbctl looks when nobody says otherwise. */
const cliDefaultOrigin = 'http://127.0.0.1:8080';

export function callForms(document: ApiDocument, call: ApiCall | ProcedureCall, origin: string): CallForms | null {
  const operations = Object.entries(document.paths).flatMap(([path, methods]) =>
    Object.entries(methods).map(
      ([method, operation]): Found => ({ operation, method, template: path.replace('/api/v1', '') }),
    ),
  );
  const found = operations.find(({ operation, method, template }) =>
    'procedure' in call
      ? operation.operationId === call.procedure
      : method === call.method.toLowerCase() && paramsOf(template, pathOf(call.path)) !== null,
  );
  if (!found) return null;
  const input = given('procedure' in call ? call.input : inputOf(found, call));
  const secrets = found.operation['x-secret-keys'] ?? [];
  const graphql = found.operation['x-graphql-document'];
  return {
    curl: curlCommand(origin, 'procedure' in call ? restCall(found, input) : call, secrets),
    graphql:
      graphql === undefined
        ? null
        : graphqlCall({ document: graphql, style: found.operation['x-graphql-input'], input, secrets }),
    cli: command(found, input, secrets, origin),
  };
}

/** What is not given is not sent either: JSON has no `undefined`. */
function given(input: Readonly<Record<string, unknown>>): Readonly<Record<string, unknown>> {
  return Object.fromEntries(Object.entries(input).filter(([, value]) => value !== undefined));
}

function pathOf(path: string): string {
  return path.split('?', 1)[0]!;
}

function paramsOf(template: string, path: string): Record<string, string> | null {
  const wanted = template.split('/');
  const segments = path.split('/');
  if (wanted.length !== segments.length) return null;
  const params: Record<string, string> = {};
  for (const [index, segment] of wanted.entries()) {
    if (segment.startsWith('{')) params[segment.slice(1, -1)] = decodeURIComponent(segments[index]!);
    else if (segment !== segments[index]) return null;
  }
  return params;
}

function inputOf({ template }: Found, call: ApiCall): Record<string, unknown> {
  const search = new URLSearchParams(call.path.split('?')[1] ?? '');
  return { ...Object.fromEntries(search), ...call.body, ...paramsOf(template, pathOf(call.path)) };
}

function restCall({ method, template }: Found, input: Readonly<Record<string, unknown>>): ApiCall {
  const rest = { ...input };
  const path = template.replaceAll(/\{(\w+)\}/g, (_whole, key: string) => {
    const value = encodeURIComponent(String(rest[key]));
    delete rest[key];
    return value;
  });
  if (method !== 'get') return { method: method.toUpperCase() as ApiCall['method'], path, body: rest };
  const search = new URLSearchParams(Object.entries(rest).map(([key, value]) => [key, String(value)]));
  return { method: 'GET', path: search.size > 0 ? `${path}?${search}` : path };
}

function command(
  { operation, template }: Found,
  input: Readonly<Record<string, unknown>>,
  secrets: readonly string[],
  origin: string,
): string {
  const inPath = [...template.matchAll(/\{(\w+)\}/g)].map((one) => one[1]!);
  const options = Object.entries(input).flatMap(([key, value]) => {
    if (inPath.includes(key) || value === null) return [];
    const name = `--${key.replaceAll('_', '-')}`;
    if (secrets.includes(key)) return [`${name} "$${key.toUpperCase()}"`];
    if (value === true) return [name];
    if (value === false) return [`${name} no`];
    return [`${name} ${word(typeof value === 'object' ? JSON.stringify(value) : String(value))}`];
  });
  const program = origin === cliDefaultOrigin ? ['rustydbctl'] : ['rustydbctl --url', word(origin)];
  return [...program, operation['x-cli'], ...inPath.map((key) => word(String(input[key]))), ...options].join(' ');
}

function word(text: string): string {
  return /^[\w.:/-]+$/.test(text) ? text : shellQuoted(text);
}
