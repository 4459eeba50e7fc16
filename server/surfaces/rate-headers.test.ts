/** Whoever is over a limit is told when to come back in headers, on every surface that has them, and of several limits by the strictest. */
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { ClusterError } from '@/engine/kernel/errors';
import { type ConsoleFixture, startConsole, type Wire } from '../testing/console-fixture';
import { headersOfRefusals } from './refusal-headers';

let console: ConsoleFixture;
beforeEach(async () => {
  console = await startConsole({
    rateLimits: {
      read: { points: 1, seconds: 20 },
      node: { points: 1, seconds: 40 },
      write: { points: 1, seconds: 30 },
    },
  });
});
afterEach(() => console.stop());

const read = '{ platformInfo { product } }';
const both = '{ platformInfo { product } nodeResources(id: "node-1") { at } }';

function graphql(query: string, path = '/graphql', headers: Record<string, string> = {}): Promise<Response> {
  return console.request(path, { method: 'POST', body: { query }, headers });
}

/** Rounded: a second may pass between two calls. */
function waitOf({ headers }: Response): number {
  const wait = Number(headers.get('retry-after'));
  expect(Number(headers.get('x-ratelimit-limit'))).toBe(1);
  expect(headers.get('x-ratelimit-remaining')).toBe('0');
  expect(Math.abs(Number(headers.get('x-ratelimit-reset')) - Date.now() / 1000 - wait)).toBeLessThan(3);
  return Math.round(wait / 10) * 10;
}

const quiet = ({ headers }: Response) => headers.get('retry-after') === null;

describe('GraphQL', () => {
  it('over HTTP', async () => {
    expect(quiet(await graphql(read))).toBe(true);
    const refused = await graphql(read);
    expect(waitOf(refused)).toBe(20);
    const { errors } = (await refused.json()) as Wire;
    expect(errors[0].extensions).toMatchObject({ code: 'RATE_LIMITED', details: { limit: 1 } });
    expect(String(errors[0].extensions.details.retry_after)).toBe(refused.headers.get('retry-after'));
  });

  it('by the strictest limit of a document, in whatever order its fields stand', async () => {
    await graphql(both);
    expect(waitOf(await graphql(both))).toBe(40);
    expect(waitOf(await graphql('{ nodeResources(id: "node-1") { at } platformInfo { product } }'))).toBe(40);
  });

  it('of one field where the others are answered', async () => {
    await graphql('{ nodeResources(id: "node-1") { at } }');
    const partly = await graphql(both);
    expect([partly.status, waitOf(partly)]).toEqual([200, 40]);
  });

  it('by GET', async () => {
    await graphql(read);
    expect(waitOf(await console.request(`/graphql?query=${encodeURIComponent(read)}`))).toBe(20);
  });

  it.each([
    ['/graphql/stream', {}],
    ['/graphql', { Accept: 'text/event-stream' }],
  ])('as events at %s, for queries and for subscriptions', async (path, headers) => {
    const first = await graphql(read, path, headers);
    expect([first.headers.get('content-type'), quiet(first)]).toEqual(['text/event-stream; charset=utf-8', true]);
    for (const query of [read, 'subscription { clusterTopologyChanged { sentence } }']) {
      const refused = await graphql(query, path, headers);
      expect(waitOf(refused)).toBe(20);
      const text = await refused.text();
      expect(text).toContain('"code":"RATE_LIMITED"');
      expect(text).toContain('event: complete\ndata:\n\n');
    }
  });
});

describe('tRPC', () => {
  const call = (path: string) => console.request(`/api/trpc/${path}`);

  it('alone', async () => {
    expect(quiet(await call('platform.getInfo'))).toBe(true);
    const refused = await call('platform.getInfo');
    expect([refused.status, waitOf(refused)]).toEqual([429, 20]);
  });

  it('by the strictest limit of a batch', async () => {
    const inputs = encodeURIComponent(JSON.stringify({ 1: { id: 'node-1' } }));
    const batch = () => call(`platform.getInfo,cluster.getNodeResources?batch=1&input=${inputs}`);
    await batch();
    expect(waitOf(await batch())).toBe(40);
  });
});

it('REST', async () => {
  await console.request('/api/v1/info');
  const refused = await console.request('/api/v1/info');
  expect([refused.status, waitOf(refused)]).toEqual([429, 20]);
});

it('takes the longest wait, and what else a refusal says', () => {
  const limited = (retry_after: number) =>
    new ClusterError('RATE_LIMITED', 'later', { extra: { retry_after, limit: 5, remaining: 0, reset: 9 } });
  const others = [new ClusterError('UNAUTHORIZED', 'who'), new ClusterError('NOT_FOUND', 'what')];
  expect(headersOfRefusals([limited(3), ...others, limited(7), limited(5)])).toEqual({
    'Retry-After': '7',
    'X-RateLimit-Limit': '5',
    'X-RateLimit-Remaining': '0',
    'X-RateLimit-Reset': '9',
    'WWW-Authenticate': 'Bearer',
  });
  expect(headersOfRefusals([])).toEqual({});
});
