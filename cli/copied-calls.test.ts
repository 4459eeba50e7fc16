/**
 * What "copy as curl / GraphQL / CLI" of the console puts on the clipboard, against the definitions: each form, read by a real shell, by GraphQL and by
 * rustydbctl, must make the server see the very input that was copied, and never a secret.
 */
import { execFileSync } from 'node:child_process';
import type { IncomingMessage } from 'node:http';
import { Readable } from 'node:stream';
import { getArgumentValues, type OperationDefinitionNode, parse, validate } from 'graphql';
import { afterEach, describe, expect, it, vi } from 'vitest';
import { type ApiDocument, callForms } from '@/components/ui/call-forms';
import type { AnyDefinition } from '@/server/procedures/definition';
import { allProcedures } from '@/server/procedures/registry';
import { buildGraphqlSchema } from '@/server/surfaces/graphql/schema';
import { withoutNulls } from '@/server/surfaces/graphql/types';
import { buildOpenApi } from '@/server/surfaces/openapi/document';
import { readInput } from '@/server/surfaces/rest/read-input';
import { match } from '@/server/surfaces/rest/routes';
import { runCommandLine } from './run';

const origin = 'http://console.test:1234';
const secret = 'correct horse battery';
const document = buildOpenApi() as unknown as ApiDocument;
const schema = buildGraphqlSchema();

type Input = Readonly<Record<string, unknown>>;
type Copied = {
  readonly definition: AnyDefinition;
  readonly input: Input;
  readonly forms: NonNullable<ReturnType<typeof callForms>>;
};

/** What a shell, JSON or GraphQL might read otherwise than it was meant. */
const hard: readonly (readonly [string, Input])[] = [
  ['cluster.failover', { group: 'alpha', reason: `it's "$HOME" \`id\` \\ and\na new line`, force: false }],
  ['cluster.updateGroupSettings', { group: 'alpha', settings: { work_mem: null, log_line_prefix: "%m '%p' " } }],
  ['apiKeys.create', { name: 'nightly', role: 'viewer', groups: ['alpha', 'beta'] }],
];

const copied: readonly Copied[] = [
  ...allProcedures.filter((one) => one.kind === 'mutation').map((one) => [one.name, one.example as Input] as const),
  ...hard,
].map(([procedure, example]) => {
  const definition = allProcedures.find((one) => one.name === procedure)!;
  const secrets = Object.fromEntries((definition.secretKeys ?? []).map((key) => [key, secret]));
  const input = { ...example, ...secrets };
  return { definition, input, forms: callForms(document, { procedure, input }, origin)! };
});

const asked = (definition: AnyDefinition, input: unknown) => definition.input.parse(input) as Input;

/** The input that REST reads from a request. */
async function restInput(definition: AnyDefinition, method: string, url: URL, body: string): Promise<Input> {
  const found = match(method, url.pathname.replace('/api/v1', ''));
  if (found.kind !== 'found') throw new Error(`${definition.name}: ${url} is no route`);
  expect(url.origin).toBe(origin);
  expect(found.route.definition.name).toBe(definition.name);
  const request = Object.assign(Readable.from([Buffer.from(body)]), {
    headers: { 'content-type': 'application/json' },
  });
  const read = await readInput(request as unknown as IncomingMessage, found.route, found.params, url.searchParams);
  return asked(definition, read);
}

/** Each line as the words that the shell hands to the program; one shell for all. */
function wordsOf(lines: readonly string[], variables: readonly string[]): readonly (readonly string[])[] {
  const tell = `{ for one in "$0" "$@"; do printf '%s\\036' "$one"; done; printf '\\035'; }`;
  const script = [`curl() ${tell}`, `rustydbctl() ${tell}`, ...lines].join('\n');
  const env = {
    ...process.env,
    ...Object.fromEntries([...variables, 'RUSTYDB_API_KEY'].map((name) => [name, secret])),
  };
  const output = execFileSync('/bin/sh', ['-c', script], { env, encoding: 'utf8' });
  return output
    .split('\u001d')
    .slice(0, -1)
    .map((one) => one.split('\u001e').slice(1, -1));
}

const variables = copied.flatMap(({ definition }) => (definition.secretKeys ?? []).map((key) => key.toUpperCase()));

describe('a copied change', () => {
  afterEach(() => vi.restoreAllMocks());

  it('is there in all three forms, without a secret, for every procedure', () => {
    expect(copied.length).toBeGreaterThan(40);
    for (const { definition, forms } of copied) {
      for (const text of [forms.curl, forms.graphql, forms.cli]) {
        expect(text, definition.name).toBeTruthy();
        expect(text, definition.name).not.toContain(secret);
      }
    }
  });

  it('as curl asks the route of its procedure for the same input', async () => {
    const lines = wordsOf(
      copied.map(({ forms }) => forms.curl),
      variables,
    );
    expect(lines).toHaveLength(copied.length);
    for (const [index, words] of lines.entries()) {
      const { definition, input } = copied[index]!;
      const valueAfter = (flag: string) => words[words.indexOf(flag) + 1]!;
      expect(words).toContain(`Authorization: Bearer ${secret}`);
      const body = words.includes('-d') ? valueAfter('-d') : '';
      const read = await restInput(definition, valueAfter('-X'), new URL(words.at(-1)!), body);
      expect(read, definition.name).toEqual(asked(definition, input));
    }
  });

  it('as a GraphQL document is valid and gives its field the same input', () => {
    for (const { definition, input, forms } of copied) {
      const ast = parse(forms.graphql!);
      expect(validate(schema, ast), definition.name).toEqual([]);
      const operation = ast.definitions[0] as OperationDefinitionNode;
      const [selected] = operation.selectionSet.selections;
      if (selected?.kind !== 'Field') throw new Error('not a field');
      const declared = (operation.variableDefinitions ?? []).map((one) => one.variable.name.value);
      expect(declared, definition.name).toEqual(definition.secretKeys ?? []);
      const values = Object.fromEntries(declared.map((name) => [name, secret]));
      const args = getArgumentValues(schema.getMutationType()!.getFields()[selected.name.value]!, selected, values);
      const read = withoutNulls(definition.input, definition.graphql!.style === 'input' ? args.input : args);
      expect(asked(definition, read), definition.name).toEqual(asked(definition, input));
    }
  });

  it('as a command of rustydbctl sends the same request', async () => {
    const sent: { url: string; init: RequestInit }[] = [];
    vi.spyOn(globalThis, 'fetch').mockImplementation(async (url, init) => {
      sent.push({ url: String(url), init: init! });
      return Response.json({ id: '1', state: 'planned', steps: [], error: null });
    });
    const lines = wordsOf(
      copied.map(({ forms }) => forms.cli!),
      variables,
    );
    for (const [index, words] of lines.entries()) {
      const { definition, input, forms } = copied[index]!;
      const complaints: string[] = [];
      const code = await runCommandLine(words, {
        environment: {},
        width: 80,
        signal: new AbortController().signal,
        print: () => undefined,
        write: async () => undefined,
        complain: (text) => void complaints.push(text),
      });
      expect(complaints, forms.cli!).toEqual([]);
      expect(code).toBe(0);
      const { url, init } = sent[index]!;
      const read = await restInput(definition, init.method!, new URL(url), String(init.body ?? ''));
      expect(read, definition.name).toEqual(asked(definition, input));
    }
  });
});
