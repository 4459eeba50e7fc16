/** The registry against every surface: nothing may be missing anywhere, and the same call gives the same answer and the same error. */

import type { GraphQLObjectType } from 'graphql';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { errorTable } from '@/engine/kernel/errors';
import type { AnyDefinition, Role } from '@/server/procedures/definition';
import { allProcedures } from '@/server/procedures/registry';
import { type ConsoleFixture, startConsole, type Wire } from '../testing/console-fixture';
import { buildGraphqlSchema } from './graphql/schema';
import { defOf, metaOf } from './graphql/types';
import { buildOpenApi } from './openapi/document';
import { staleSnapshots } from './snapshots';
import { appRouter } from './trpc/router';

const openApi = buildOpenApi() as Wire;
const schema = buildGraphqlSchema();
const roots = {
  query: schema.getQueryType(),
  mutation: schema.getMutationType(),
  subscription: schema.getSubscriptionType(),
};
const trpcProcedures = appRouter._def.procedures as unknown as Record<string, unknown>;

let console: ConsoleFixture;
beforeAll(async () => {
  console = await startConsole();
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

  describe.each(allProcedures.map((one) => [one.name, one] as const))('%s', (_name, definition) => {
    it('is on every surface', () => {
      expect(trpcProcedures[definition.name], 'tRPC').toBeDefined();
      expect(definition.rest, 'REST').not.toBeNull();
      const operation = openApi.paths[`/api/v1${definition.rest!.path}`]?.[definition.rest!.method.toLowerCase()];
      expect(operation?.operationId, 'OpenAPI').toBe(definition.name);
      const root = roots[definition.kind] as GraphQLObjectType;
      expect(root.getFields()[definition.graphql!.field], 'GraphQL').toBeDefined();
    });

    it('says what it does, who may call it and what it costs', () => {
      expect(definition.summary).toMatch(/^[A-Z].{5,}/);
      expect(['anonymous', 'viewer', 'operator', 'admin']).toContain(definition.role);
      expect(['read', 'node', 'write', 'login']).toContain(definition.rate);
      for (const code of definition.errors) expect(Object.keys(errorTable)).toContain(code);
      if (definition.kind === 'mutation') expect(definition.rest!.method).not.toBe('GET');
    });

    it('has an example that its input accepts, and refuses unknown keys', () => {
      expect(definition.input.safeParse(definition.example).error).toBeUndefined();
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
});

/** What the recorded engine cannot answer: these need something that is not there in the recording. */
const needsRecord = new Set([
  'cluster.getFailover',
  'operations.get',
  'operations.cancel',
  'users.update',
  'users.delete',
  'sessions.revoke',
  'sessions.revokeAll',
]);
const needsRecordOrState = new Set([
  ...needsRecord,
  'apiKeys.revoke',
  'auth.login',
  'auth.logout',
  'auth.changePassword',
]);

describe.each(allProcedures.filter((one) => needsRecord.has(one.name)).map((one) => [one.name, one] as const))(
  '%s of something unknown',
  (_name, definition) => {
    it('is the same NOT_FOUND on every surface', async () => {
      const role = definition.role as Role;
      const rest = await restCall(definition, definition.example as Record<string, unknown>, role);
      expect([rest.status, rest.body.code]).toEqual([404, 'NOT_FOUND']);
      const trpc = await trpcCall(definition, definition.example, role);
      expect([trpc.status, trpc.body.error.data.error.code]).toEqual([404, 'NOT_FOUND']);
      expect(trpc.body.error.data.error.message).toBe(rest.body.message);
    });
  },
);

describe.each(
  allProcedures
    .filter((one) => one.kind !== 'subscription' && !needsRecordOrState.has(one.name))
    .map((one) => [one.name, one] as const),
)('the example of %s', (_name, definition) => {
  it('gives the declared output over REST and tRPC', async () => {
    const role = definition.role as Role;
    const rest = await restCall(definition, definition.example as Record<string, unknown>, role);
    expect(rest.status, JSON.stringify(rest.body)).toBeLessThan(300);
    const trpc = await trpcCall(definition, definition.example, role);
    expect(trpc.status, JSON.stringify(trpc.body)).toBe(200);
    const output = trpc.body.result.data;
    const parsed = definition.output.safeParse(output);
    expect(parsed.error?.issues).toBeUndefined();
    const names = Object.keys(output);
    // Nothing that the schema does not declare leaves the server.
    if (!Array.isArray(output)) expect(Object.keys(parsed.data as object)).toEqual(expect.arrayContaining(names));
  });
});

async function restCall(definition: AnyDefinition, example: Record<string, unknown>, role: Role) {
  const { method, path } = definition.rest!;
  const rest = { ...example };
  const filled = path.replaceAll(/\{(\w+)\}/g, (_whole, key: string) => {
    const value = String(rest[key]);
    delete rest[key];
    return value;
  });
  const search = new URLSearchParams(Object.entries(rest).map(([key, value]) => [key, String(value)]));
  const address = `/api/v1${filled}${method === 'GET' && search.size > 0 ? `?${search}` : ''}`;
  return console.json(address, { method, role, body: method === 'GET' ? undefined : rest });
}

async function trpcCall(definition: AnyDefinition, input: unknown, role: Role) {
  if (definition.kind === 'query') {
    return console.json(`/api/trpc/${definition.name}?input=${encodeURIComponent(JSON.stringify(input))}`, { role });
  }
  // The REST call before may have made it already (users, keys).
  const fresh = definition.name === 'users.create' ? { ...(input as object), username: 'other' } : input;
  return console.json(`/api/trpc/${definition.name}`, { method: 'POST', role, body: fresh });
}
