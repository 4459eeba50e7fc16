/** The promised API against the registry: what exists is as promised, and what existed once does not go away. */
import { expect, it } from 'vitest';
import { buildGraphqlSchema } from '../graphql/schema';
import { routes } from '../rest/routes';
import { measureCoverage, promisedRows, type Share } from './coverage';

const schema = buildGraphqlSchema();
const coverage = measureCoverage(routes, schema);

it('has every existing row under the promised role and every existing name with the promised type', () => {
  expect(coverage.wrong).toEqual([]);
});

it('covers no less than it did', () => {
  const floor = { replication: 13, cluster: 36, gds: 3, platform: 10, xa: 10 };
  const there = Object.fromEntries(coverage.rest.map(({ area, present }) => [area, present.length]));
  for (const [area, count] of Object.entries(floor)) expect(there[area], area).toBeGreaterThanOrEqual(count);
  expect(total(coverage.graphql)).toBeGreaterThanOrEqual(47);
});

it('counts each promise once and sees what is missing', () => {
  const all = coverage.rest.flatMap(({ present, missing }) => [...present, ...missing]);
  expect(new Set(all).size).toBe(promisedRows().length);
  const without = measureCoverage(
    routes.filter((route) => route.path !== '/cluster/topology'),
    schema,
  );
  const cluster = without.rest.find(({ area }) => area === 'cluster')!;
  expect(cluster.missing).toContain('GET /cluster/topology');
});

it('sees a role that differs', () => {
  const changed = routes.map((route) =>
    route.path === '/cluster/topology'
      ? { ...route, definition: { ...route.definition, role: 'admin' as const } }
      : route,
  );
  expect(measureCoverage(changed, schema).wrong).toEqual(['GET /cluster/topology needs admin, promised is viewer']);
});

function total(shares: readonly Share[]): number {
  return shares.reduce((sum, { present }) => sum + present.length, 0);
}
