/**
 * One call as curl, GraphQL and rustydbctl, from what the OpenAPI document says of its procedure: nothing is written down twice. The key comes
 * from the environment, so that no secret lands in a shell history by copying. Pure.
 */
import { curlCommand } from './curl';

export type ApiCall = {
  readonly method: 'GET' | 'POST' | 'PUT' | 'DELETE';
  /** Below /api/v1. */
  readonly path: string;
  readonly body?: Readonly<Record<string, unknown>>;
};

/** A call by its procedure's name, as the console makes it. */
export type ProcedureCall = { readonly procedure: string; readonly input: Readonly<Record<string, unknown>> };

type Operation = {
  readonly operationId: string;
  readonly deprecated?: boolean;
  readonly 'x-cli': string;
  readonly 'x-graphql-document'?: string;
  readonly 'x-graphql-input': 'input' | 'flat';
};

export type ApiDocument = { readonly paths: Readonly<Record<string, Readonly<Record<string, Operation>>>> };

export type CallForms = { readonly curl: string; readonly graphql: string | null; readonly cli: string | null };

type Found = { readonly operation: Operation; readonly method: string; readonly template: string };

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
  const input = 'procedure' in call ? call.input : inputOf(found, call);
  const graphql = found.operation['x-graphql-document'];
  const variables = found.operation['x-graphql-input'] === 'input' ? { input } : input;
  return {
    curl: curlCommand(origin, 'procedure' in call ? restCall(found, input) : call),
    graphql: graphql === undefined ? null : `${graphql}\n# variables\n# ${JSON.stringify(variables)}\n`,
    cli: command(found, input),
  };
}

function pathOf(path: string): string {
  return path.split('?', 1)[0]!;
}

function paramsOf(template: string, path: string): Record<string, string> | null {
  const wanted = template.split('/');
  const given = path.split('/');
  if (wanted.length !== given.length) return null;
  const params: Record<string, string> = {};
  for (const [index, segment] of wanted.entries()) {
    if (segment.startsWith('{')) params[segment.slice(1, -1)] = decodeURIComponent(given[index]!);
    else if (segment !== given[index]) return null;
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

function command({ operation, template }: Found, input: Readonly<Record<string, unknown>>): string {
  const inPath = [...template.matchAll(/\{(\w+)\}/g)].map((one) => one[1]!);
  const options = Object.entries(input).flatMap(([key, value]) => {
    if (inPath.includes(key) || value === undefined || value === null) return [];
    const name = `--${key.replaceAll('_', '-')}`;
    if (value === true) return [name];
    if (value === false) return [`${name} no`];
    return [`${name} ${word(typeof value === 'object' ? JSON.stringify(value) : String(value))}`];
  });
  return ['rustydbctl', operation['x-cli'], ...inPath.map((key) => word(String(input[key]))), ...options].join(' ');
}

function word(text: string): string {
  return /^[\w.:/-]+$/.test(text) ? text : `'${text.replaceAll("'", `'\\''`)}'`;
}
