/** What bounds a GraphQL document (cost, introspection) on HTTP, SSE and WebSocket, and the explorer for those who signed in. */
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { buildClientSchema, getIntrospectionQuery, lexicographicSortSchema, parse, printSchema } from 'graphql';
import { createClient as createSseClient } from 'graphql-sse';
import { createClient as createWsClient } from 'graphql-ws';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import WebSocket from 'ws';
import { buildExplorer } from '../../../scripts/explorer.mjs';
import { type ConsoleFixture, startConsole, type Wire } from '../../testing/console-fixture';
import { maxCost, measureCost } from './cost';
import { buildGraphqlSchema } from './schema';

const schema = buildGraphqlSchema();
const explorerDirectory = mkdtempSync(path.join(tmpdir(), 'rustydb-explorer-'));
const cost = (text: string, variables?: Record<string, unknown>) => measureCost(schema, parse(text), variables).cost;

let console: ConsoleFixture;
beforeAll(async () => {
  console = await startConsole({ explorerDirectory });
});
afterAll(async () => {
  await console.stop();
  rmSync(explorerDirectory, { recursive: true, force: true });
});

describe('cost', () => {
  it('counts values: a list by its limit, a call by its class', () => {
    expect(cost('{ clusterNodes(limit: 5) { id name } }')).toBe(11 + 5 * 2);
    expect(cost('{ clusterNodes { id } }')).toBe(11 + 100);
    expect(cost('{ clusterNodesConnection(limit: 7) { items { id } nextCursor } }')).toBe(11 + (1 + 7 * 1) + 1);
    expect(cost('{ clusterTopology { groups { name members } } }')).toBe(11 + 1 + 10 * 2);
    expect(cost('{ nodeSessions(id: "node-1") { pid } }')).toBeGreaterThan(500);
  });

  it('counts fragments where they are spread and limits in variables by their value', () => {
    const spread = '{ ...a ...a } fragment a on Query { clusterNodes(limit: 3) { id } }';
    expect(cost(spread)).toBe(2 * (11 + 3));
    const withVariable = 'query ($n: Int = 20) { clusterNodes(limit: $n) { id } }';
    expect(cost(withVariable, { n: 400 })).toBe(11 + 400);
    expect(cost(withVariable)).toBe(11 + 20);
  });

  const dear = `{ ${Array.from({ length: 120 }, (_one, i) => `a${i}: clusterNodes(limit: 1000) { id name }`).join(' ')} }`;

  it('is refused above the limit before anything runs', async () => {
    expect(cost(dear)).toBeGreaterThan(maxCost);
    const { errors } = await console.graphql(dear);
    expect(errors[0].message).toMatch(/may cost \d+ points; the limit is 200000/);
    expect(errors[0].extensions.code).toBe('INVALID_INPUT');
  });

  it('is decided for each call where it depends on variables', async () => {
    const text = dear.replace('{', 'query ($n: Int) {').replaceAll('1000', '$n');
    expect((await console.graphql(text, { n: 1 })).errors).toBeUndefined();
    expect((await console.graphql(text, { n: 1000 })).errors[0].message).toContain('the limit is');
  });
});

describe('introspection', () => {
  const introspection = '{ __schema { queryType { name } } }';

  it('is for those who signed in, on SSE', async () => {
    const ask = async (headers: Record<string, string>) => {
      const client = createSseClient({ url: `${console.url}/graphql/stream`, headers });
      const { value } = await client.iterate({ query: introspection }).next();
      client.dispose();
      return value as Wire;
    };
    expect((await ask({})).errors[0].extensions.code).toBe('INVALID_INPUT');
    expect((await ask({ 'X-API-Key': console.keys.viewer })).data.__schema.queryType.name).toBe('Query');
  });

  it('is for those who signed in, on WebSocket', async () => {
    const ask = async (connectionParams: Record<string, unknown>) => {
      const url = `${console.url.replace('http', 'ws')}/graphql`;
      const client = createWsClient({ url, webSocketImpl: WebSocket, connectionParams });
      try {
        return (await client.iterate({ query: introspection }).next()).value as Wire;
      } catch (errors) {
        return { errors };
      } finally {
        await client.dispose();
      }
    };
    expect((await ask({})).errors[0].extensions.code).toBe('INVALID_INPUT');
    expect((await ask({ 'X-API-Key': console.keys.viewer })).data.__schema.queryType.name).toBe('Query');
  });

  it.each([
    ['as GraphiQL and code generators ask', getIntrospectionQuery()],
    [
      'with everything that can be asked',
      getIntrospectionQuery({
        descriptions: true,
        specifiedByUrl: true,
        directiveIsRepeatable: true,
        schemaDescription: true,
        inputValueDeprecation: true,
        oneOf: true,
      }),
    ],
  ])('gives the whole schema, %s', async (_how, query) => {
    const { data, errors } = await console.graphql(query);
    expect(errors).toBeUndefined();
    expect(printSchema(lexicographicSortSchema(buildClientSchema(data)))).toBe(
      printSchema(lexicographicSortSchema(schema)),
    );
  });

  it('is not replaced by suggestions in refusals', async () => {
    const asked = async (role: 'viewer' | null) =>
      (await console.graphql('{ clusterNods { id } }', {}, role)).errors[0].message;
    expect(await asked('viewer')).toContain('clusterNodes');
    expect(await asked(null)).toBe('Cannot query field "clusterNods" on type "Query".');
  });

  it('finds no streams to reserve by token', async () => {
    const reserved = await console.request('/graphql/stream', { method: 'PUT', role: null });
    expect(reserved.status).not.toBe(201);
  });
});

describe('a body', () => {
  const post = (body: unknown, headers: Readonly<Record<string, string>> = {}) =>
    console.request('/graphql', { method: 'POST', body, headers });

  it('has no unknown keys', async () => {
    expect((await post({ query: '{ __typename }', extensions: {} })).status).toBe(200);
    const refused = await post({ query: '{ __typename }', varables: { id: 1 } });
    expect(refused.status).toBe(400);
    const { extensions, message } = ((await refused.json()) as Wire).errors[0];
    const wanted = 'Unknown field: varables; known are query, variables, operationName, extensions';
    expect([message, extensions.code]).toEqual([wanted, 'INVALID_INPUT']);
    expect(extensions.details.fields).toEqual([{ field: 'varables', message }]);
  });

  it('that is too large ends the connection, as it does with REST', async () => {
    const refused = await post({ query: ' '.repeat(1_100_000) });
    expect([refused.status, refused.headers.get('connection')]).toEqual([413, 'close']);
  });

  it('that is nested too deeply is refused without a word about the stack', async () => {
    for (const depth of [20, 400, 900, 1300, 1700, 2100, 2400, 9000]) {
      const { errors } = await console.graphql(`${'{ a'.repeat(depth)}${'}'.repeat(depth)}`);
      expect(errors[0].extensions.code).toBe('INVALID_INPUT');
      expect(errors[0].message).not.toContain('stack');
    }
  });
});

describe('the explorer', () => {
  it('sends browsers from /graphql to it, and strangers to the sign-in page', async () => {
    const browser = { redirect: 'manual', headers: { Accept: 'text/html' } } as const;
    const first = await fetch(`${console.url}/graphql`, browser);
    expect([first.status, first.headers.get('location')]).toEqual([303, '/graphql/explorer']);
    const second = await fetch(`${console.url}/graphql/explorer`, browser);
    expect([second.status, second.headers.get('location')]).toEqual([303, '/sign-in?next=%2Fgraphql%2Fexplorer']);
    expect((await console.request('/graphql/explorer/explorer.js', { role: null })).status).toBe(401);
  });

  it('is one page and two files of ours, with no inline script and nothing from elsewhere', async () => {
    await buildExplorer(explorerDirectory);
    const response = await console.request('/graphql/explorer');
    const page = await response.text();
    expect(response.headers.get('content-security-policy')).toMatch(/script-src 'self';/);
    expect(page).not.toMatch(/<script(?![^>]* src=)/);
    const files = [...page.matchAll(/(?:src|href)="([^"]+)"/g)].map((found) => found[1]!);
    expect(files).toEqual(['/graphql/explorer/explorer.css', '/graphql/explorer/explorer.js']);
    for (const file of files) {
      const answer = await console.request(file);
      expect(answer.status).toBe(200);
      const text = await answer.text();
      expect(text.length).toBeGreaterThan(100_000);
      expect(text).not.toMatch(/\beval\(|new Function\(|@import/);
    }
    expect((await console.request('/graphql/explorer/..%2fserver.mjs')).status).toBe(404);
  });
});
