/** The read-write service in front of real servers: admission, holding, ending, cancelling. Cluster answers are the test's own. */
import { afterAll, afterEach, beforeAll, describe, expect, it } from 'vitest';
import { FakeCluster } from './testing/fake-cluster';
import { cancelPacket, queryPacket, RawClient, startupPacket } from './testing/raw-client';
import { RealPostgres } from './testing/real-postgres';
import { endOf, eventually, nameOf, TestRouter } from './testing/test-router';

let a: RealPostgres;
let b: RealPostgres;
let cluster: FakeCluster;
let router: TestRouter;

beforeAll(async () => {
  a = await RealPostgres.create('a');
  b = await a.copy('b');
});
afterAll(async () => {
  await Promise.all([a?.remove(), b?.remove()]);
});
async function begin(
  options: Parameters<typeof TestRouter.start>[1] = {},
  prepare = () => {},
  nodes: ConstructorParameters<typeof FakeCluster>[0] = { a, b },
): Promise<void> {
  cluster = new FakeCluster(nodes);
  prepare();
  router = await TestRouter.start(cluster, options);
}
afterEach(async () => {
  await router?.stop();
});

/** `b` takes over as a new epoch's primary. */
function promoteB(epoch = 2): void {
  cluster.set('a', { role: 'none', remainingMs: 0 });
  cluster.primary('b', epoch);
  cluster.hint('b', epoch);
}

describe('sessions', () => {
  it('go to the primary with the client’s own authentication, and are listed with who they are', async () => {
    await begin();
    cluster.primary('a');
    const client = await router.connect('rw');
    expect(await nameOf(client)).toBe('a');
    const status = router.router.status();
    expect(status.clients).toMatchObject([
      { service: 'alpha-rw', node: 'a', user: 'app', database: 'postgres', applicationName: 'router-test' },
    ]);
    expect(status.clients[0]!.bytesIn).toBeGreaterThan(100);
    expect(status.clients[0]!.bytesOut).toBeGreaterThan(300);
    await client.end();
    await eventually('the session is gone', () => router.service('rw').openSessions === 0);
    expect(router.service('rw').totalSessions).toBe(1);
    await eventually('the agents were told', () => cluster.statuses.some((sent) => sent.services.length === 2));
  });

  it('refuse a wrong password in the server’s own words', async () => {
    await begin();
    cluster.primary('a');
    await expect(router.connect('rw', { password: 'wrong' })).rejects.toMatchObject({ code: '28P01' });
  });

  it('end when the client just disappears, on the server too', async () => {
    await begin();
    cluster.primary('a');
    const raw = await RawClient.connect(router.service('rw').port);
    raw.socket.write(startupPacket('plain'));
    await raw.next('Z');
    raw.socket.destroy();
    await eventually('the backend is gone', async () => {
      const rows = await a.query("select 1 from pg_stat_activity where usename = 'plain'");
      return rows.length === 0;
    });
    expect(router.service('rw').openSessions).toBe(0);
  });
});

describe('without a primary', () => {
  it('connections wait and all come through to the new one', async () => {
    await begin();
    await router.knows('a', 'down');
    const names = Array.from({ length: 20 }, () => router.connect('rw').then(nameOf));
    await eventually('all are held', () => router.service('rw').held === 20);
    cluster.primary('b', 3);
    cluster.hint('b', 3);
    expect(await Promise.all(names)).toEqual(Array(20).fill('b'));
    expect(router.service('rw')).toMatchObject({ held: 0, refused: 0 });
  });

  it('a connection is refused after the configured time, saying why', async () => {
    await begin({}, () => {
      cluster.config = { ...cluster.config, routerHoldMs: 300 };
    });
    await router.knows('a', 'down');
    const startedAt = performance.now();
    await expect(router.connect('rw')).rejects.toMatchObject({
      code: '57P03',
      message: expect.stringMatching(/alpha-rw cannot accept connections now: no node of group alpha/),
      detail: expect.stringMatching(/held for 3\d\d ms/),
      hint: expect.stringMatching(/again/),
    });
    expect(performance.now() - startedAt).toBeGreaterThanOrEqual(300);
  });

  it('thousands wait up to the bound; those beyond it are told at once', async () => {
    await begin({ limits: { maxHeld: 1_500 } }, () => {
      cluster.config = { ...cluster.config, routerHoldMs: 60_000 };
    });
    const { port } = router.service('rw');
    const clients = await Promise.all(Array.from({ length: 1_600 }, () => RawClient.connect(port)));
    for (const client of clients) client.socket.write(startupPacket('plain'));
    await eventually('the queue is full', () => router.service('rw').held === 1_500);
    await eventually('the others were refused', () => clients.filter((client) => client.isClosed).length === 100);
    const refused = clients.filter((client) => client.isClosed);
    for (const client of refused) expect(await client.error()).toMatchObject({ code: '53300' });
    for (const client of clients) client.socket.destroy();
    await eventually('those that left are forgotten', () => router.service('rw').held === 0);
  });

  it('a server that crashed is tried again until it is back', async () => {
    await begin();
    cluster.primary('b');
    await router.knows('b', 'active');
    await b.stop('SIGQUIT');
    const name = router.connect('rw').then(nameOf);
    await eventually('it failed once', () => (cluster.asked.get('b') ?? 0) > 3 && router.service('rw').held === 1);
    await b.start();
    expect(await name).toBe('b');
  });
});

describe('a permission that runs out', () => {
  it('ends sessions at the deadline and admits nobody after it', async () => {
    // No other node whose answers could draw attention to it.
    const shortHold = () => {
      cluster.config = { ...cluster.config, routerHoldMs: 200 };
    };
    await begin({}, shortHold, { a });
    cluster.primary('a', 1, 600);
    const client = await router.connect('rw');
    expect(await nameOf(client)).toBe('a');
    const ended = endOf(client);
    cluster.silent.add('a');
    const error = await ended;
    expect(error).toMatchObject({ code: '57P01', message: expect.stringMatching(/permission of a .* run out/) });
    await expect(router.connect('rw')).rejects.toMatchObject({ code: '57P03' });
  });

  it('counts from when the question was sent, not from a late answer', async () => {
    await begin({}, () => {
      cluster.config = { ...cluster.config, routerHoldMs: 400 };
    });
    cluster.primary('a', 1, 300);
    const answer = cluster.requestNode;
    let answered = 0;
    cluster.requestNode = async (...parameters) => {
      const result = await answer(...parameters);
      if (parameters[1] !== 'node.route') return result;
      await new Promise((resolve) => setTimeout(resolve, 320));
      if (parameters[0] === 'a') answered++;
      return result;
    };
    await eventually('late answers have come', () => answered > 3);
    await expect(router.connect('rw')).rejects.toMatchObject({ code: '57P03' });
  });

  it('is checked again between reaching the server and handing the client over', async () => {
    await begin();
    cluster.primary('a');
    await router.knows('a', 'active');
    // Locks nothing but time: the attempt is under way when the primary changes.
    const names = Array.from({ length: 10 }, () => router.connect('rw').then(nameOf));
    await eventually('they are being tried', () => router.service('rw').held > 0);
    promoteB();
    for (const name of await Promise.allSettled(names)) {
      // One that got through before the change ended with it; none is served by `a` afterwards.
      if (name.status === 'fulfilled') expect(['a', 'b']).toContain(name.value);
      else expect(name.reason).toMatchObject({ code: '57P01' });
    }
    expect(router.router.status().clients.filter((client) => client.node === 'a')).toEqual([]);
  });
});

describe('a new epoch', () => {
  it('ends the old primary’s sessions with 57P01 and takes new ones to the new primary', async () => {
    await begin();
    cluster.primary('a');
    const client = await router.connect('rw');
    await nameOf(client);
    const ended = endOf(client);
    promoteB();
    expect(await ended).toMatchObject({
      code: '57P01',
      message: expect.stringMatching(/group alpha changed its primary/),
      detail: 'No statement was in progress.',
    });
    expect(await router.who('rw')).toBe('b');
  });

  it('leaves a COMMIT in flight unknown and says so', async () => {
    await begin();
    cluster.primary('a');
    await a.query(`
      create table slow (id int primary key);
      create function pause() returns trigger language plpgsql as 'begin perform pg_sleep(30); return null; end';
      create constraint trigger pause after insert on slow deferrable initially deferred for each row execute function pause()`);
    const client = await router.connect('rw');
    await client.query('begin');
    await client.query('insert into slow values (1)');
    const commit = client.query('commit');
    await eventually('the commit is under way', async () => {
      const rows = await a.query("select 1 from pg_stat_activity where query = 'commit' and state = 'active'");
      return rows.length === 1;
    });
    promoteB();
    await expect(commit).rejects.toMatchObject({ code: '57P01', detail: expect.stringMatching(/COMMIT.*unknown/) });
  });

  it('cuts a result in the middle without inventing bytes, and a slow reader does not fill memory', async () => {
    await begin();
    cluster.primary('a');
    const raw = await RawClient.connect(router.service('rw').port);
    raw.socket.write(startupPacket('plain'));
    await raw.next('Z');
    raw.socket.pause();
    raw.socket.write(queryPacket("select repeat('x', 100000000)"));
    const passed = () => router.router.status().clients[0]!.bytesOut;
    let before = 0;
    let same = 0;
    await eventually('it has come to a standstill', () => {
      same = passed() === before && before > 100_000 ? same + 1 : 0;
      before = passed();
      return same > 40;
    });
    expect(passed()).toBeLessThan(20_000_000);
    promoteB();
    raw.socket.resume();
    await raw.closed;
    expect(raw.messages.filter((message) => message.type === 'E')).toEqual([]);
    expect(raw.rest.subarray(0, 1).toString()).toBe('D');
    // Type, length, number of columns, length of the column: the rest is the value and nothing else.
    expect(raw.rest.length).toBeGreaterThan(100_000);
    expect(raw.rest.subarray(11).every((byte) => byte === 0x78)).toBe(true);
  });
});

it('a hint is followed by a question at once', async () => {
  await begin();
  cluster.primary('a');
  await router.knows('a', 'active');
  const before = cluster.asked.get('b') ?? 0;
  cluster.hint('b', 1);
  expect(cluster.asked.get('b')).toBe(before + 1);
});

describe('a planned switchover', () => {
  it('is a pause: connections made all along reach one or the other, none fails', async () => {
    await begin();
    cluster.primary('a');
    const names: string[] = [];
    let stop = false;
    const workers = Array.from({ length: 4 }, async () => {
      while (!stop) names.push(await router.who('rw'));
    });
    await eventually('a serves', () => names.length > 20);
    cluster.set('a', { draining: true });
    cluster.hint('a', 1);
    await eventually('new connections wait, running ones have ended', () => {
      const { held, openSessions } = router.service('rw');
      return held === 4 && openSessions === 0;
    });
    promoteB();
    const before = names.length;
    await eventually('b serves', () => names.length > before + 20);
    stop = true;
    await Promise.all(workers);
    expect(names.slice(before + 4).every((name) => name === 'b')).toBe(true);
    expect(router.service('rw').refused).toBe(0);
  });

  it('lets sessions that are open go on while the primary drains', async () => {
    await begin();
    cluster.primary('a');
    const client = await router.connect('rw');
    cluster.set('a', { draining: true });
    cluster.hint('a', 1);
    await eventually('it drains', () => router.service('rw').endpoints[0]!.reason?.includes('handing') === true);
    expect(await nameOf(client)).toBe('a');
  });
});

describe('cancel', () => {
  it.each([
    ['protocol 3.0 with a key of 4 bytes', 0x30000, 8],
    ['protocol 3.2 with a key of 32 bytes', 0x30002, 36],
  ])('%s reaches the statement it is meant for', async (_name, code, keyBytes) => {
    await begin();
    cluster.primary('a');
    const { port } = router.service('rw');
    const raw = await RawClient.connect(port);
    raw.socket.write(startupPacket('plain', code));
    const key = (await raw.next('K'))!.body;
    expect(key.length).toBe(keyBytes);
    await raw.next('Z');
    raw.socket.write(queryPacket('select pg_sleep(60)'));
    await eventually('it sleeps', async () => {
      const rows = await a.query("select 1 from pg_stat_activity where usename = 'plain' and wait_event = 'PgSleep'");
      return rows.length === 1;
    });
    const wrong = await RawClient.connect(port);
    const wrongKey = Buffer.from(key);
    wrongKey[5]! ^= 1;
    wrong.socket.write(cancelPacket(wrongKey));
    await wrong.closed;
    const cancel = await RawClient.connect(port);
    cancel.socket.write(cancelPacket(key));
    await cancel.closed;
    expect(await raw.error()).toMatchObject({ code: '57014' });
    raw.socket.destroy();
  });
});
