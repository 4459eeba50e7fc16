/** Who connects and never authenticates: keeps the server's connections from nobody, whether it says who it is or nothing at all. */
import { afterAll, afterEach, beforeAll, describe, expect, it } from 'vitest';
import { FakeCluster } from './testing/fake-cluster';
import { RawClient, startupPacket } from './testing/raw-client';
import { RealPostgres } from './testing/real-postgres';
import { eventually, TestRouter } from './testing/test-router';

let a: RealPostgres;
let router: TestRouter;
const strangers: RawClient[] = [];

beforeAll(async () => {
  a = await RealPostgres.create('a');
});
afterAll(() => a?.remove());
afterEach(async () => {
  for (const stranger of strangers.splice(0)) stranger.socket.destroy();
  await router?.stop();
});

async function begin(limits: Parameters<typeof TestRouter.start>[1] = {}): Promise<void> {
  const cluster = new FakeCluster({ a });
  cluster.config = { ...cluster.config, routerHoldMs: 20_000 };
  cluster.primary('a');
  router = await TestRouter.start(cluster, limits);
  await router.knows('a', 'active');
}

/** Each says that it is `app` and never answers what the server asks. */
async function silent(count: number, localAddress?: string): Promise<RawClient[]> {
  const { port } = router.service('rw');
  const made = await Promise.all(Array.from({ length: count }, () => RawClient.connect(port, localAddress)));
  strangers.push(...made);
  for (const { socket } of made) socket.write(startupPacket('app'));
  return made;
}

describe('more strangers than the server has connections', () => {
  it('take few of them, and give way to who authenticates', async () => {
    const minute = 60_000;
    await begin({ limits: { maxUnproven: 10, maxUnprovenPerAddress: 10, authenticationMs: minute } });
    await silent(150);
    await eventually('the places are taken', () => router.service('rw').openSessions === 10);
    expect(await router.who('rw')).toBe('a');
    expect(router.service('rw').openSessions).toBeLessThanOrEqual(10);
    // The server has room for others all the time: 100 connections are fewer than those that knock.
    expect(await a.query('select 1')).toHaveLength(1);
  });

  it('of one address take nothing from another, however patient one is with them', async () => {
    const hour = 3_600_000;
    await begin({
      limits: {
        maxUnproven: 10,
        maxUnprovenPerAddress: 8,
        authenticationMs: hour,
        authenticationPatienceMs: hour,
        floodPatienceMs: hour,
      },
    });
    await silent(150, '127.0.0.2');
    await eventually('the places of that address are taken', () => router.service('rw').openSessions === 8);
    expect(await router.who('rw')).toBe('a');
    expect(router.service('rw').openSessions).toBe(8);
  });

  it('are ended when their time is over, with PostgreSQL’s own words', async () => {
    await begin({ limits: { authenticationMs: 300 } });
    const [one] = await silent(1);
    expect(await one!.error()).toMatchObject({
      code: '57014',
      message: expect.stringMatching(/^canceling authentication due to timeout/),
    });
    await eventually('nothing is left', () => router.service('rw').openSessions === 0);
  });

  it('that say nothing at all give way to whoever comes', async () => {
    await begin({ limits: { maxOpening: 20 } });
    const { port } = router.service('rw');
    for (let number = 0; number < 60; number++) strangers.push(await RawClient.connect(port));
    expect(await router.who('rw')).toBe('a');
    await eventually('the oldest were dropped', () => strangers.filter((one) => one.isClosed).length >= 40);
  });
});

it('a full queue has room for another address than the one that fills it', async () => {
  const hour = 3_600_000;
  await begin({
    limits: {
      maxHeld: 12,
      maxUnproven: 4,
      maxUnprovenPerAddress: 3,
      authenticationMs: hour,
      authenticationPatienceMs: hour,
      floodPatienceMs: hour,
    },
  });
  await silent(3, '127.0.0.2');
  await eventually('the places of that address are taken', () => router.service('rw').openSessions === 3);
  await silent(12, '127.0.0.2');
  await eventually('the queue is full', () => router.service('rw').held === 12);
  const refused = await silent(1, '127.0.0.2');
  expect(await refused[0]!.error()).toMatchObject({ code: '53300' });
  expect(await router.who('rw')).toBe('a');
});
