/** Every older name says that it is one, until when it is served, and what to use instead; the names of today say nothing. */
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { type ConsoleFixture, startConsole } from '../../testing/console-fixture';
import { deprecationHeaders } from './deprecation';
import { routes } from './routes';

let console: ConsoleFixture;
beforeAll(async () => {
  console = await startConsole();
});
afterAll(() => console.stop());

const aliases = routes.filter((route) => route.deprecated);

describe.each(aliases.map((route) => [`${route.method} ${route.path}`, route] as const))('%s', (_name, route) => {
  it('is served with Deprecation, Sunset and its successor', async () => {
    const path = `/api/v1${route.path.replaceAll(/\{\w+\}/g, 'x')}`;
    const response = await console.request(path, { method: route.method, role: 'admin' });
    const since = /^@(\d+)$/.exec(response.headers.get('deprecation') ?? '')?.[1];
    const sunset = Date.parse(response.headers.get('sunset') ?? '');
    expect(sunset - Number(since) * 1000).toBeGreaterThanOrEqual(365 * 86_400_000);
    expect(response.headers.get('link')).toContain(`/api/v1${route.definition.rest!.path.split('{')[0]}`);
    expect(response.headers.get('link')).toContain('rel="successor-version"');
  });
});

it('fills the successor with the parameters of the call', () => {
  const definition = routes.find((route) => route.path === '/cluster/nodes/{id}')!.definition;
  const older = { definition, method: 'GET', path: '/nodes/{id}', deprecated: true } as const;
  expect(deprecationHeaders(older, { id: 'a b' })?.Link).toBe('</api/v1/cluster/nodes/a%20b>; rel="successor-version"');
});

it('says nothing on names of today', async () => {
  const response = await console.request('/api/v1/auth/me');
  expect([response.headers.get('deprecation'), response.headers.get('sunset')]).toEqual([null, null]);
});
