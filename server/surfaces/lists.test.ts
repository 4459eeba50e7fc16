/**
 * Every procedure that answers a list, found by walking the registry and without exceptions: it has the one cursor and its pages are the
 * whole, or it says how long it can be at most. What a list is, its schema says; a new one that forgets its pages fails here.
 */
import type { GraphQLObjectType } from 'graphql';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { z } from 'zod';
import type { AnyDefinition } from '@/server/procedures/definition';
import { fileFormats, fileTypes, formatKey } from '@/server/procedures/file-formats';
import { allProcedures } from '@/server/procedures/registry';
import { pageInput, pageOf } from '@/server/procedures/shared/primitives';
import { clusterNode } from '@/server/procedures/shared/wire-node';
import { type ConsoleFixture, startConsole, type Wire } from '../testing/console-fixture';
import { parseCsv } from '../testing/csv';
import { fillLists } from '../testing/examples';
import {
  type Caller,
  differences,
  graphqlCall,
  restCall,
  restRequest,
  type SurfaceCall,
  trpcCall,
} from '../testing/surface-calls';
import { buildGraphqlSchema } from './graphql/schema';
import { bare, defOf } from './graphql/types';
import { buildOpenApi } from './openapi/document';
import { isPageOutput, presentPage } from './rest/present';

/** The page that a call gives when nobody asks for another length. */
const defaultPage = pageInput.limit.parse(undefined);
const longestPage = 1000;
const surfaces: Readonly<Record<string, SurfaceCall>> = { REST: restCall, tRPC: trpcCall, GraphQL: graphqlCall };
const openApi = buildOpenApi() as Wire;
const schema = buildGraphqlSchema();

const shapeOf = (of: z.ZodType) => defOf(bare(of).schema).shape ?? {};
const isArray = (of: z.ZodType) => defOf(bare(of).schema).type === 'array';
/** An object around a list says how many there are. */
const isWrapped = (of: z.ZodType) => 'total_count' in shapeOf(of) && Object.values(shapeOf(of)).some(isArray);
const outputsOf = (one: AnyDefinition) => [one.output, one.legacy?.output].filter((of) => of != null) as z.ZodType[];
const lists = allProcedures.filter((one) => outputsOf(one).some((of) => isArray(of) || isWrapped(of)));
const paged = lists.filter(isPageOutput);
const bounded = lists.filter((one) => !isPageOutput(one));
const byName = (procedures: readonly AnyDefinition[]) => procedures.map((one) => [one.name, one] as const);

const plenty = { points: 1_000_000, seconds: 1 };
let console: ConsoleFixture;
let caller: Caller;
beforeAll(async () => {
  const rateLimits = { read: plenty, node: plenty, write: plenty, login: plenty, anonymous: plenty };
  console = await startConsole({ withAdmin: true, rateLimits });
  caller = await fillLists(console);
}, 60_000);
afterAll(() => console.stop());

async function ask(call: SurfaceCall, definition: AnyDefinition, page: Record<string, unknown>) {
  const example = definition.example as Record<string, unknown>;
  const { limit: _limit, cursor: _cursor, ...subject } = example;
  const answer = await call(console.url, definition, { ...subject, ...page }, caller);
  return answer;
}

/** The pages in the order of the list. */
async function walk(call: SurfaceCall, definition: AnyDefinition, limit: number): Promise<Wire[]> {
  const pages: Wire[][] = [];
  let cursor: string | null = null;
  do {
    const answer = await ask(call, definition, { limit, ...(cursor === null ? {} : { cursor }) });
    expect(answer.error, JSON.stringify(answer.error)).toBeNull();
    expect(answer.data.length).toBeLessThanOrEqual(limit);
    pages.push(answer.data);
    cursor = answer.next ?? null;
    expect(pages.length, 'pages').toBeLessThan(500);
  } while (cursor !== null);
  if (definition.pagesBackwards) pages.reverse();
  return pages.flat();
}

const given = new Map<string, string>();

/** One that the list gave out. */
async function firstCursor(definition: AnyDefinition): Promise<string> {
  const known = given.get(definition.name) ?? (await cursorOf(definition));
  given.set(definition.name, known);
  return known;
}

async function cursorOf(definition: AnyDefinition, subject: Record<string, unknown> = {}): Promise<string> {
  const { next } = await ask(restCall, definition, { ...subject, limit: 1 });
  expect(next, `${definition.name} has more than one`).toBeTruthy();
  return next!;
}

it('there are lists, and a page is what the rules below take for one', () => {
  expect(paged.length).toBeGreaterThan(20);
  const page = { output: pageOf(clusterNode) } as unknown as AnyDefinition;
  expect(isPageOutput(page)).toBe(true);
  expect(allProcedures.filter(isPageOutput).filter((one) => !lists.includes(one))).toEqual([]);
  expect(allProcedures.filter((one) => one.itemsAtMost !== undefined && !bounded.includes(one))).toEqual([]);
});

describe.each(byName(bounded))('%s, a list without pages', (_name, definition) => {
  it('says how long it can be, and that is less than a page', () => {
    for (const output of outputsOf(definition)) {
      const { schema: list } = bare(output);
      expect(isArray(list), 'an object around a list has pages: output pageOf(…), rest.wrappedAs').toBe(true);
      expect(definition.itemsAtMost, 'neither pages (output pageOf(…)) nor itemsAtMost').toBeTypeOf('number');
      expect(maxItemsOf(list), 'the schema’s bound').toBe(definition.itemsAtMost);
      expect(definition.itemsAtMost).toBeLessThanOrEqual(defaultPage);
    }
    expect(Object.keys(shapeOf(definition.input))).not.toContain('cursor');
    expect(documentedAnswer(definition).maxItems).toBe(definition.itemsAtMost);
  });
});

describe.each(byName(paged))('%s, a list with pages', (_name, definition) => {
  it('takes and gives the same cursor as every other, on every surface', () => {
    expect(definition.kind).toBe('query');
    expect(shapeOf(definition.input)).toMatchObject(pageInput);
    expect(definition.errors).toContain('INVALID_INPUT');
    expect(definition.rest!.method).toBe('GET');
    const operation = openApi.paths[`/api/v1${definition.rest!.path}`].get;
    const parameters = Object.fromEntries(operation.parameters.map((one: Wire) => [one.name, one.schema]));
    expect(parameters).toMatchObject({
      limit: { type: 'integer', minimum: 1, maximum: longestPage, default: defaultPage },
      cursor: { type: 'string' },
    });
    expect(operation.responses['200'].headers.Link).toBeDefined();
    const fields = (schema.getQueryType() as GraphQLObjectType).getFields();
    for (const name of [definition.graphql!.field, `${definition.graphql!.field}Connection`]) {
      expect(fields[name]!.args.map((argument) => argument.name)).toEqual(expect.arrayContaining(['limit', 'cursor']));
    }
  });

  it.each(Object.entries(surfaces))('gives all of it page by page over %s, each item once', async (_surface, call) => {
    const whole = await ask(call, definition, { limit: defaultPage });
    expect([whole.error, whole.next]).toEqual([null, null]);
    expect(whole.data.length).toBeGreaterThan(1);
    for (const limit of call === restCall ? [1, 2] : [2]) {
      expect(differences(whole.data, await walk(call, definition, limit), false), `limit ${limit}`).toEqual([]);
    }
  });

  it.each(fileFormats)('gives all of it as one file, %s', async (format) => {
    const { limit: _limit, cursor: _cursor, ...subject } = definition.example as Record<string, unknown>;
    expect(Object.keys(shapeOf(definition.input))).not.toContain(formatKey);
    const whole = await ask(restCall, definition, { limit: defaultPage });
    const order = definition.pagesBackwards ? whole.data.toReversed() : whole.data;
    const { address } = restRequest(definition, { ...subject, format });
    const response = await fetch(console.url + address, { headers: caller });
    expect(response.headers.get('content-type')).toBe(`${fileTypes[format]}; charset=utf-8`);
    expect(response.headers.get('content-disposition')).toMatch(new RegExp(`^attachment; filename=".+\\.${format}"$`));
    const text = await response.text();
    if (format === 'ndjson') {
      const rows = text.trimEnd().split('\n');
      expect(
        differences(
          order,
          rows.map((row) => JSON.parse(row)),
          false,
        ),
      ).toEqual([]);
    } else {
      const [columns, ...rows] = parseCsv(text);
      expect(new Set(order.flatMap((one: Wire) => Object.keys(one)))).toEqual(
        new Set(columns!.filter((name) => order.some((one: Wire) => name in one))),
      );
      expect(rows).toHaveLength(order.length);
    }
    const operation = openApi.paths[`/api/v1${definition.rest!.path}`].get;
    expect(operation.responses['200']['x-file-types']).toContain(fileTypes[format]);
    expect(operation.parameters.find((one: Wire) => one.name === formatKey).schema.enum).toContain(format);
  });

  it('gives RustyDB’s clients the shape they know', async () => {
    const { body, data } = await ask(restCall, definition, {});
    const { wrappedAs } = definition.rest!;
    if (wrappedAs === undefined) expect(body).toBeInstanceOf(Array);
    else expect(body).toEqual({ [wrappedAs]: data, total_count: expect.toSatisfy(isCount) });
  });

  it('refuses a cursor that is broken, in the same words on every surface', async () => {
    const cursor = await firstCursor(definition);
    const text = Buffer.from(cursor, 'base64url').toString();
    const [list] = JSON.parse(text) as [string];
    const made = [[list], [list, {}], [list, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14], list, [], null];
    const encoded = made.map((one) => Buffer.from(JSON.stringify(one)).toString('base64url'));
    for (const broken of ['x', '7', cursor.slice(0, -3), `${cursor}AA`, `${cursor}!`, ...encoded]) {
      const { error, status } = await ask(restCall, definition, { limit: 1, cursor: broken });
      expect([broken, status, error?.code]).toEqual([broken, 400, 'INVALID_INPUT']);
      expect(error!.message).toBe('cursor: take it from the answer before, unchanged');
      expect(error!.details.fields[0].field).toBe('cursor');
    }
    for (const call of [trpcCall, graphqlCall]) {
      const { error } = await ask(call, definition, { limit: 1, cursor: 'x' });
      expect(error).toMatchObject({
        code: 'INVALID_INPUT',
        message: 'cursor: take it from the answer before, unchanged',
      });
    }
  });

  it('refuses the cursor of any other list, and of the same about something else', async () => {
    const about = definition.example as Record<string, unknown>;
    const others = paged.filter((one) => one !== definition).map((one) => firstCursor(one));
    if ('id' in about) others.push(cursorOf(definition, { id: about.id === 'node-1' ? 'node-2' : 'node-1' }));
    if ('sort' in shapeOf(definition.input)) others.push(cursorOf(definition, { sort: '-name' }));
    for (const cursor of await Promise.all(others)) {
      const { error, status } = await ask(restCall, definition, { limit: 1, cursor });
      expect([status, error?.message]).toEqual([
        400,
        'cursor: of another list; take it from the answer before, unchanged',
      ]);
    }
  });
});

it('wraps a page where RustyDB’s older shape is an object', () => {
  const url = new URL('http://console/api/v1/things?limit=1');
  const page = { items: ['a'], next_cursor: 'abc', total_count: 2 };
  expect(presentPage(page, url, 'things')).toEqual({
    status: 200,
    body: { things: ['a'], total_count: 2 },
    headers: { Link: '</api/v1/things?limit=1&cursor=abc>; rel="next"' },
  });
  expect(presentPage({ ...page, next_cursor: null }, url)).toEqual({ status: 200, body: ['a'] });
});

function isCount(value: unknown): boolean {
  return value === null || typeof value === 'number';
}

function maxItemsOf(list: z.ZodType): number | undefined {
  return z.toJSONSchema(list, { io: 'output', unrepresentable: 'any' }).maxItems;
}

function documentedAnswer(definition: AnyDefinition): Wire {
  const { method, path, status } = definition.rest!;
  const operation = openApi.paths[`/api/v1${path}`][method.toLowerCase()];
  return operation.responses[String(status ?? 200)].content['application/json'].schema;
}
