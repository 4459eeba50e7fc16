/**
 * The registry against every surface, procedure by procedure and without exceptions: it is there, it is described, its example runs, the
 * answers are the same data and fit the document, the refusals are the same error.
 */
import type { GraphQLObjectType } from 'graphql';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { errorTable } from '@/engine/kernel/errors';
import type { AnyDefinition } from '@/server/procedures/definition';
import { allProcedures } from '@/server/procedures/registry';
import { describeField } from '@/server/procedures/shared/vocabulary';
import { type ConsoleFixture, startConsole, type Wire } from '../testing/console-fixture';
import { executableExample } from '../testing/examples';
import { ResponseValidator } from '../testing/response-validator';
import { differences, graphqlCall, restCall, type SurfaceCall, trpcCall } from '../testing/surface-calls';
import { buildGraphqlSchema } from './graphql/schema';
import { bare, defOf, metaOf } from './graphql/types';
import { buildOpenApi } from './openapi/document';
import { staleSnapshots } from './snapshots';
import { appRouter } from './trpc/router';

const openApi = buildOpenApi() as Wire;
const validator = new ResponseValidator(openApi);
const schema = buildGraphqlSchema();
const trpcProcedures = appRouter._def.procedures as unknown as Record<string, unknown>;
const surfaces: Readonly<Record<string, SurfaceCall>> = { REST: restCall, tRPC: trpcCall, GraphQL: graphqlCall };
const byName = (procedures: readonly AnyDefinition[]) => procedures.map((one) => [one.name, one] as const);
const calls = allProcedures.filter((one) => one.kind !== 'subscription');

const plenty = { points: 1_000_000, seconds: 1 };
let console: ConsoleFixture;
beforeAll(async () => {
  console = await startConsole({
    withAdmin: true,
    rateLimits: { read: plenty, node: plenty, write: plenty, login: plenty, anonymous: plenty },
  });
  // Else the anchor of the next minute may come between two surfaces, and audit.verify would answer another count.
  await console.anchors.stop();
});
afterAll(() => console.stop());

describe('the registry', () => {
  it('has one procedure per name', () => {
    const names = allProcedures.map((one) => one.name);
    expect(new Set(names).size).toBe(names.length);
    expect(names.length).toBeGreaterThan(70);
  });

  it('has snapshots that are up to date', () => {
    expect(staleSnapshots()).toEqual([]);
  });
});

describe.each(byName(allProcedures))('%s', (_name, definition) => {
  it('is on every surface', () => {
    expect(trpcProcedures[definition.name], 'tRPC').toBeDefined();
    expect(definition.rest, 'REST').not.toBeNull();
    expect(operationOf(definition)?.operationId, 'OpenAPI').toBe(definition.name);
    const root = schema.getRootType(definition.kind as Parameters<typeof schema.getRootType>[0]) as GraphQLObjectType;
    expect(root.getFields()[definition.graphql!.field], 'GraphQL').toBeDefined();
  });

  it('says what it does, who may call it and what it costs', () => {
    expect(definition.summary).toMatch(/^[A-Z].{5,}/);
    expect(['anonymous', 'viewer', 'operator', 'admin']).toContain(definition.role);
    expect(['read', 'node', 'write', 'login']).toContain(definition.rate);
    expect(operationOf(definition)).toMatchObject({ 'x-role': definition.role, 'x-rate-class': definition.rate });
    for (const code of definition.errors) expect(Object.keys(errorTable)).toContain(code);
    if (definition.kind === 'mutation') expect(definition.rest!.method).not.toBe('GET');
  });

  it('describes every field that it takes and gives', () => {
    const schemas = [definition.input, definition.output, definition.legacy?.output].filter((one) => one != null);
    expect(schemas.flatMap((one) => undescribed(one))).toEqual([]);
  });

  it('has an example that its input accepts, and refuses unknown keys', () => {
    expect(definition.input.safeParse(definition.example).error).toBeUndefined();
    expect(
      validator.checkRequest(`/api/v1${definition.rest!.path}`, definition.rest!.method, definition.example),
    ).toEqual([]);
    const withUnknown = { ...(definition.example as object), surprise: 1 };
    expect(definition.input.safeParse(withUnknown).success).toBe(false);
  });

  it('names its output type', () => {
    const output = defOf(definition.output);
    const named = output.type === 'array' ? output.element! : (output.shape?.items ?? definition.output);
    const item = defOf(named).type === 'array' ? defOf(named).element! : named;
    expect(metaOf(item).id).toBeTruthy();
  });
});

describe.each(byName(calls))('the example of %s', (_name, definition) => {
  it('gives the same, documented data on every surface', async () => {
    const answers: Record<string, Wire> = {};
    // What changes something is prepared for each surface again; what asks is asked the same everywhere.
    const fresh = definition.rest!.method !== 'GET';
    const asked = await executableExample(console, definition);
    for (const [surface, call] of Object.entries(surfaces)) {
      const { input, caller } = fresh ? await executableExample(console, definition) : asked;
      const answer = await call(console.url, definition, input, caller);
      expect(answer.error, `${surface}: ${JSON.stringify(answer.error)}`).toBeNull();
      answers[surface] = answer.data;
      if (surface === 'REST') expect(documented(definition, answer.status, answer.body)).toEqual([]);
    }
    expect(differences(answers.REST, answers.tRPC, fresh), 'tRPC').toEqual([]);
    expect(differences(answers.REST, answers.GraphQL, fresh), 'GraphQL').toEqual([]);
  });

  it('refuses a caller without identity, and an unknown field, in the same way on every surface', async () => {
    const input = definition.example as Record<string, unknown>;
    const admin = { 'X-API-Key': console.keys.admin };
    if (definition.role !== 'anonymous') {
      for (const call of Object.values(surfaces)) {
        expect((await call(console.url, definition, input, {})).error?.code).toBe('UNAUTHORIZED');
      }
    }
    const rest = await restCall(console.url, definition, { ...input, surprise: 1 }, admin);
    const trpc = await trpcCall(console.url, definition, { ...input, surprise: 1 }, admin);
    expect(documented(definition, rest.status, rest.error)).toEqual([]);
    expect(trpc.status).toBe(rest.status);
    expect(trpc.error).toMatchObject({ code: 'INVALID_INPUT', message: rest.error!.message });
    // GraphQL's own types refuse it; a variable that is declared and unknown is the caller's mistake as well.
    const graphql = await graphqlCall(console.url, definition, { ...input, surprise: {} }, admin);
    if (definition.graphql!.style === 'input') expect(graphql.error?.code).toBe('INVALID_INPUT');
  });
});

const named = calls.filter((one) => one.errors.includes('NOT_FOUND') && namingKey(one) !== null);

describe.each(byName(named))('%s of something unknown', (_name, definition) => {
  it('is the same refusal on every surface', async () => {
    const input = { ...(definition.example as object), [namingKey(definition)!]: 'no-such-thing' };
    const caller = { 'X-API-Key': console.keys.admin };
    const rest = await restCall(console.url, definition, input, caller);
    expect([rest.status, rest.error?.code]).toEqual([404, 'NOT_FOUND']);
    expect(documented(definition, rest.status, rest.error)).toEqual([]);
    const { timestamp: _at, request_id: _id, ...same } = rest.error as Wire;
    const trpc = await trpcCall(console.url, definition, input, caller);
    expect(trpc).toMatchObject({ status: 404, error: same });
    const graphql = await graphqlCall(console.url, definition, input, caller);
    if (definition.graphql!.nullable) expect(graphql).toMatchObject({ error: null, data: null });
    else expect(graphql.error).toMatchObject(same);
  });
});

/** The key of the example that says what the call is about: of the path first. */
function namingKey(definition: AnyDefinition): string | null {
  const [, inPath] = /\{(\w+)\}/.exec(definition.rest!.path) ?? [];
  const keys = [inPath, 'target_node', 'node', 'group'];
  return keys.find((key) => key !== undefined && key in (definition.example as object)) ?? null;
}

function operationOf(definition: AnyDefinition): Wire {
  return openApi.paths[`/api/v1${definition.rest!.path}`]?.[definition.rest!.method.toLowerCase()];
}

function documented(definition: AnyDefinition, status: number, body: unknown): string[] {
  return validator.check(`/api/v1${definition.rest!.path}`, definition.rest!.method, status, body);
}

function undescribed(root: AnyDefinition['input']): string[] {
  const seen = new Set<unknown>();
  const walk = (wrapped: AnyDefinition['input'], path: string): string[] => {
    const { schema: at } = bare(wrapped);
    if (seen.has(at)) return [];
    seen.add(at);
    const def = defOf(at);
    if (def.element) return walk(def.element, path);
    if (def.options) return def.options.flatMap((option) => walk(option, path));
    const owner = metaOf(at).id;
    return Object.entries(def.shape ?? {}).flatMap(([key, field]) => [
      ...(describeField(owner, key, field) ? [] : [`${path}.${key}`]),
      ...walk(field, `${path}.${key}`),
    ]);
  };
  return walk(root, metaOf(root).id ?? '');
}
