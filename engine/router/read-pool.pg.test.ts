/** The read-only service in front of real servers: strategies, lag, ejection, fallback to the primary. */
import { afterAll, afterEach, beforeAll, describe, expect, it } from 'vitest';
import { FakeCluster } from './testing/fake-cluster';
import { RealPostgres } from './testing/real-postgres';
import { endOf, nameOf, TestRouter } from './testing/test-router';

let servers: { a: RealPostgres; b: RealPostgres; c: RealPostgres };
let cluster: FakeCluster;
let router: TestRouter;

beforeAll(async () => {
  const a = await RealPostgres.create('a');
  const b = await a.copy('b');
  servers = { a, b, c: await a.copy('c') };
});
afterAll(async () => {
  await Promise.all(Object.values(servers ?? {}).map((server) => server.remove()));
});
afterEach(async () => {
  await router?.stop();
});

async function begin(balance: Partial<FakeCluster['config']['loadBalancer']> = {}, region?: string): Promise<void> {
  cluster = new FakeCluster(servers);
  cluster.config = { ...cluster.config, loadBalancer: { ...cluster.config.loadBalancer, ...balance } };
  cluster.regions = { a: 'eu', b: 'eu', c: 'us' };
  cluster.primary('a');
  cluster.standby('b');
  cluster.standby('c');
  router = await TestRouter.start(cluster, { region, limits: { askOthersMs: 100 } });
  for (const node of ['b', 'c']) await router.knows(node, 'active', 'ro');
  await router.knows('a', 'active');
}
async function reached(times: number): Promise<Record<string, number>> {
  const count: Record<string, number> = {};
  for (let i = 0; i < times; i++) {
    const name = await router.who('ro');
    count[name] = (count[name] ?? 0) + 1;
  }
  return count;
}

describe('strategy', () => {
  it('round robin spreads evenly over the standbys', async () => {
    await begin();
    expect(await reached(8)).toEqual({ b: 4, c: 4 });
  });
  it.each(['round_robin', 'weighted'] as const)(
    '%s: the next server is told beforehand, and asking changes no turn',
    async (strategy) => {
      await begin({ strategy, weights: { b: 3, c: 1 } });
      for (let i = 0; i < 6; i++) {
        const told = [1, 2, 3].map(() => router.service('ro').next?.node);
        expect(new Set(told).size).toBe(1);
        expect(await router.who('ro')).toBe(told[0]);
      }
      expect(router.service('rw').next).toMatchObject({ node: 'a', reason: expect.stringContaining('epoch') });
    },
  );
  it('weighted follows the weights', async () => {
    await begin({ strategy: 'weighted', weights: { b: 3, c: 1 } });
    expect(await reached(8)).toEqual({ b: 6, c: 2 });
  });
  it('least connections fills up the emptier one', async () => {
    await begin({ strategy: 'least_connections' });
    const open = await Promise.all([1, 2, 3, 4].map(() => router.connect('ro')));
    const names = await Promise.all(open.map(nameOf));
    expect(names.sort()).toEqual(['b', 'b', 'c', 'c']);
    await Promise.all(open.filter((_, i) => i % 2 === 0).map((client) => client.end()));
  });
  it('region-aware stays in the router’s own region', async () => {
    await begin({ strategy: 'region_aware' }, 'us');
    expect(await reached(4)).toEqual({ c: 4 });
  });
  it('latency uses every standby at least once to measure it', async () => {
    await begin({ strategy: 'latency' });
    const count = await reached(6);
    expect(count.b! >= 1 && count.c! >= 1).toBe(true);
    for (const endpoint of router.service('ro').endpoints.filter((one) => one.node !== 'a')) {
      expect(endpoint.connectMs).toBeGreaterThan(0);
    }
  });
});

describe('a standby that does not qualify', () => {
  it('is left out while it lags and taken again afterwards', async () => {
    await begin();
    cluster.standby('c', 5_000);
    await router.knows('c', 'lagging', 'ro');
    expect(await reached(4)).toEqual({ b: 4 });
    cluster.standby('c', 10);
    await router.knows('c', 'active', 'ro');
    expect(await reached(4)).toEqual({ b: 2, c: 2 });
  });

  it('is ejected after failures that no client sees, and comes back', async () => {
    await begin();
    await servers.c.stop('SIGQUIT');
    expect(await reached(8)).toEqual({ b: 8 });
    await router.knows('c', 'ejected', 'ro');
    const state = router.service('ro').endpoints.find((endpoint) => endpoint.node === 'c');
    expect(state?.reason).toMatch(/3 failed connections in a row \(.*ECONNREFUSED/);
    await servers.c.start();
    await router.knows('c', 'active', 'ro');
    expect(await reached(4)).toEqual({ b: 2, c: 2 });
  });

  it('when none is left the primary serves reads, under its permission', async () => {
    await begin();
    cluster.standby('b', null);
    cluster.set('c', { draining: true });
    await router.knows('b', 'lagging', 'ro');
    await router.knows('c', 'idle', 'ro');
    const client = await router.connect('ro');
    expect(await nameOf(client)).toBe('a');
    const ended = endOf(client);
    cluster.silent.add('a');
    expect(await ended).toMatchObject({ code: '57P01' });
  });
});

it('a read session outlives a change of primary', async () => {
  await begin();
  const client = await router.connect('ro');
  const name = await nameOf(client);
  const other = name === 'b' ? 'c' : 'b';
  const writer = await router.connect('rw');
  const ended = endOf(writer);
  cluster.set('a', { role: 'none', remainingMs: 0 });
  cluster.primary(other, 2);
  cluster.hint(other, 2);
  await ended;
  expect(await nameOf(client)).toBe(name);
});
