/** Which form an answer takes is the caller's preference; a persisted query is refused in the words its clients wait for. */
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { type ConsoleFixture, startConsole } from '../../testing/console-fixture';

let console: ConsoleFixture;
beforeAll(async () => {
  console = await startConsole();
});
afterAll(() => console.stop());

const query = '{ clusterNodes { id } }';
const subscription = 'subscription { clusterEvents { event_type } }';

/** Content type of the answer to this document; a stream is left at once. */
async function formOf(document: string, accept: string | null): Promise<string> {
  const abort = new AbortController();
  const response = await fetch(`${console.url}/graphql`, {
    method: 'POST',
    headers: {
      'X-API-Key': console.keys.viewer,
      'Content-Type': 'application/json',
      ...(accept === null ? {} : { Accept: accept }),
    },
    body: JSON.stringify({ query: document }),
    signal: abort.signal,
  });
  abort.abort();
  return response.headers.get('content-type')!.split(';')[0]!;
}

const json = 'application/json';
const stream = 'text/event-stream';

describe('a query', () => {
  it.each([
    [null, json],
    ['*/*', json],
    ['application/graphql-response+json, application/json;q=0.9, text/event-stream;q=0.1', json],
    ['application/graphql-response+json, application/json, text/event-stream, multipart/mixed', json],
    ['application/json;q=0.5, text/event-stream;q=0', json],
    ['text/html', json],
    ['text/event-stream', stream],
    ['application/json;q=0.2, text/event-stream', stream],
    ['TEXT/EVENT-STREAM', stream],
  ])('accepting %s is answered as %s', async (accept, form) => {
    expect(await formOf(query, accept)).toBe(form);
  });
});

describe('a subscription', () => {
  it.each([
    ['application/json, text/event-stream;q=0.1', stream],
    ['text/event-stream', stream],
    ['*/*', json],
    ['application/json, text/event-stream;q=0', json],
  ])('accepting %s is answered as %s', async (accept, form) => {
    expect(await formOf(subscription, accept)).toBe(form);
  });
});

describe('a persisted query', () => {
  const extensions = { persistedQuery: { version: 1, sha256Hash: 'a'.repeat(64) } };
  const unknown = {
    errors: [{ message: 'PersistedQueryNotFound', extensions: { code: 'PERSISTED_QUERY_NOT_FOUND' } }],
  };

  it('that is asked for by its hash alone is not found, by POST and by GET', async () => {
    const posted = await console.json('/graphql', { method: 'POST', body: { extensions } });
    expect([posted.status, posted.body]).toEqual([200, unknown]);
    const search = new URLSearchParams({ extensions: JSON.stringify(extensions) });
    const got = await console.json(`/graphql?${search}`);
    expect([got.status, got.body]).toEqual([200, unknown]);
  });

  it('that comes with its document runs', async () => {
    const { body } = await console.json('/graphql', { method: 'POST', body: { query, extensions } });
    expect(body.data.clusterNodes.length).toBeGreaterThan(0);
  });

  it('asks for a document where neither is there', async () => {
    const { status, body } = await console.json('/graphql', { method: 'POST', body: { extensions: {} } });
    expect([status, body.errors[0].extensions.code]).toEqual([400, 'INVALID_INPUT']);
  });
});
