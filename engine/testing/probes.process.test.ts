/**
 * Health probes as load balancers send them, to a real installation: roles before and after a switchover, no yes of a frozen primary, a stopped server, a
 * standby behind; and Debian's HAProxy with the configuration that Patroni's users have, only the ports are ours.
 */
import { type ChildProcess, spawn, spawnSync } from 'node:child_process';
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { request } from 'node:http';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import pg from 'pg';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { pollUntil } from '../kernel/async';
import { freePort, RealCluster, send } from './real-cluster';

const nodes = ['p-1', 'p-2', 'p-3'];

let cluster: RealCluster;
let directory: string;
beforeAll(async () => {
  directory = mkdtempSync(join(tmpdir(), 'rustydb-probes-'));
  const topology = join(directory, 'topology.yaml');
  const listed = nodes.map((id) => `{ id: ${id} }`).join(', ');
  writeFileSync(topology, `groups:\n  - { name: main, commit_mode: synchronous, nodes: [${listed}] }\n`);
  cluster = await RealCluster.start({ topology });
  await cluster.healed();
}, 300_000);
afterAll(async () => {
  await cluster?.destroy();
  rmSync(directory, { recursive: true, force: true });
});

function ports(): Record<string, number> {
  return JSON.parse(readFileSync(join(cluster.dataDirectory, 'ports.json'), 'utf8'));
}

const probePort = (node: string) => ports()[`${node}.probes`]!;

/** 0: no answer in time. */
function probe(node: string, path: string, { method = 'OPTIONS', timeoutMs = 5_000 } = {}): Promise<number> {
  return new Promise((done) => {
    const asked = request({ host: '127.0.0.1', port: probePort(node), path, method, agent: false }, (response) => {
      response.resume();
      response.on('end', () => done(response.statusCode ?? 0));
    });
    asked.setTimeout(timeoutMs, () => asked.destroy());
    asked.on('error', () => done(0));
    asked.end();
  });
}

async function document<T>(node: string, path: string): Promise<T> {
  return (await (await fetch(`http://127.0.0.1:${probePort(node)}${path}`)).json()) as T;
}

/** Who answers 200. */
async function well(path: string, options = {}): Promise<string[]> {
  const said = await Promise.all(nodes.map((node) => probe(node, path, options)));
  return nodes.filter((_, index) => said[index] === 200);
}

function settled(path: string, who: readonly string[]): Promise<unknown> {
  return pollUntil(
    async () => {
      const now = await well(path);
      if (now.join() !== who.join()) throw new Error(`${path}: ${now.join()}`);
      return true;
    },
    { timeoutMs: 60_000, intervalMs: 50, what: `${path} of ${who.join()}` },
  );
}

async function rolesAreTold(primary: string): Promise<void> {
  const standbys = nodes.filter((node) => node !== primary);
  for (const path of ['/', '/primary', '/read-write', '/master', '/leader']) await settled(path, [primary]);
  for (const path of ['/replica', '/replica?lag=16MB', '/replica?replication_state=streaming', '/sync', '/synchronous'])
    await settled(path, standbys);
  for (const path of ['/read-only', '/read-only-sync', '/health', '/readiness', '/liveness'])
    await settled(path, nodes);
  for (const path of ['/standby-leader', '/quorum', '/async', '/asynchronous']) await settled(path, []);
}

async function switchover(): Promise<string> {
  const { body } = await cluster.api<{ id: string }>('POST', '/cluster/failover', { group: 'main', reason: 'test' });
  expect((await cluster.operation(body.id, 120_000)).state).toBe('succeeded');
  return cluster.primary('main');
}

describe('a node tells', () => {
  it('its role by all paths and methods, before and after a switchover, and its port over REST', async () => {
    const first = await cluster.primary('main');
    await rolesAreTold(first);
    expect(await well('/primary', { method: 'GET' })).toEqual([first]);
    expect(await well('/primary', { method: 'HEAD' })).toEqual([first]);
    expect(await probe(first, '/switchover', { method: 'POST' })).toBe(405);
    const told = await cluster.api<{ id: string; probe_port: number }[]>('GET', '/cluster/nodes');
    expect(told.body.map(({ id, probe_port }) => [id, probe_port])).toEqual(nodes.map((id) => [id, probePort(id)]));

    const second = await switchover();
    expect(second).not.toBe(first);
    await cluster.healed(120_000);
    await rolesAreTold(second);
  }, 300_000);

  it('the cluster and its history in Patroni’s words', async () => {
    const primary = await cluster.primary('main');
    for (const asked of nodes) {
      const { members, scope } = await document<{
        scope: string;
        members: { name: string; role: string; state: string; api_url: string; port: number; lag?: number }[];
      }>(asked, '/cluster');
      expect(scope).toBe('main');
      expect(
        members.map(({ name, role, state, lag, port, api_url }) => [name, role, state, typeof lag, port, api_url]),
        `of ${asked}`,
      ).toEqual(
        nodes.map((name) => [
          name,
          name === primary ? 'leader' : 'sync_standby',
          name === primary ? 'running' : 'streaming',
          name === primary ? 'undefined' : 'number',
          ports()[`${name}.postgres`],
          `http://127.0.0.1:${probePort(name)}/patroni`,
        ]),
      );
    }
    const node = await document<{ role: string; server_version: number; timeline: number; patroni: unknown }>(
      primary,
      '/patroni',
    );
    expect(node).toMatchObject({ role: 'primary', state: 'running', patroni: { scope: 'main', name: primary } });
    expect(node.server_version).toBeGreaterThanOrEqual(180_000);
    const history = await document<[number, number, string, string, string][]>(primary, '/history');
    const last = history.at(-1)!;
    expect([last[0], last[4]]).toEqual([node.timeline - 1, primary]);
    expect(last[1]).toBeGreaterThan(0);
  });
});

describe('no yes from before', () => {
  it('a node that is frozen as primary answers nothing, and what waited at its port gets no yes when its agent thaws before its server', async () => {
    await cluster.healed(120_000);
    const frozen = await cluster.primary('main');
    const others = nodes.filter((node) => node !== frozen);
    const agent = cluster.agentProcess(frozen);
    const door = await cluster.door();
    // Nor does it hear of the new primary when it thaws.
    const until = new Date(Date.now() + 30_000).toISOString();
    await door.setFaults(frozen, [{ peer: null, direction: 'both', channel: 'both', kind: 'partition', until }]);
    expect(cluster.signalNode(frozen, 'SIGSTOP')).toBeGreaterThan(5);
    const waiting: Promise<number>[] = [];
    try {
      await pollUntil(
        async () => {
          // The kernel takes them for it; nobody reads them yet.
          if (waiting.length < 40) waiting.push(probe(frozen, '/primary', { timeoutMs: 120_000 }));
          return (await Promise.all(others.map((node) => probe(node, '/primary')))).includes(200) || undefined;
        },
        { timeoutMs: 60_000, intervalMs: 50, what: 'another primary says so' },
      );
      waiting.push(
        probe(frozen, '/leader', { timeoutMs: 120_000 }),
        probe(frozen, '/read-only', { timeoutMs: 120_000 }),
      );
      // Its server is as it was, still frozen.
      send(agent, 'SIGCONT');
      expect(new Set(await Promise.all(waiting))).toEqual(new Set([503]));
    } finally {
      cluster.signalNode(frozen, 'SIGCONT');
    }
    await door.setFaults(frozen, []).catch(() => undefined);
    await cluster.healed(120_000);
    await rolesAreTold(await cluster.primary('main'));
  }, 300_000);

  it('when a new primary has said yes, the old one says it no more', async () => {
    const old = await cluster.primary('main');
    const others = nodes.filter((node) => node !== old);
    let newSaid = Number.POSITIVE_INFINITY;
    const late: number[] = [];
    const moving = switchover();
    await pollUntil(
      async () => {
        const sent = performance.now();
        const [ofOld, ...ofOthers] = await Promise.all([old, ...others].map((node) => probe(node, '/primary')));
        if (ofOld === 200 && sent > newSaid) late.push(sent - newSaid);
        if (ofOthers.includes(200)) newSaid = Math.min(newSaid, performance.now());
        return performance.now() - newSaid > 2_000 || undefined;
      },
      { timeoutMs: 60_000, intervalMs: 5, what: 'the new primary says yes' },
    );
    await moving;
    expect(late).toEqual([]);
    await cluster.healed(120_000);
  }, 300_000);
});

it('a flood of probes ends no lease', async () => {
  const epoch = async () => {
    const { body } = await cluster.api<{ groups: { epoch: number }[] }>('GET', '/cluster/topology');
    return body.groups[0]!.epoch;
  };
  const primary = await cluster.primary('main');
  const before = await epoch();
  let left = 3_000;
  const caller = async () => {
    while (left-- > 0) await probe(primary, '/patroni', { method: 'GET' });
  };
  await Promise.all(Array.from({ length: 100 }, caller));
  await settled('/primary', [primary]);
  expect(await epoch()).toBe(before);
}, 120_000);

async function startAgain(node: string): Promise<void> {
  const { body } = await cluster.api<{ id: string }>('POST', `/cluster/nodes/${node}/start`, { reason: 'test' });
  expect((await cluster.operation(body.id, 120_000)).state).toBe('succeeded');
}

describe('a server', () => {
  let primaryNow: string;
  beforeAll(async () => {
    primaryNow = await cluster.primary('main');
  });

  it('that is stopped serves nobody, and its agent lives', async () => {
    const stopped = nodes.find((node) => node !== primaryNow)!;
    const { body } = await cluster.api<{ id: string }>('POST', `/cluster/nodes/${stopped}/stop`, {
      force: true,
      reason: 'test',
    });
    expect((await cluster.operation(body.id, 120_000)).state).toBe('succeeded');
    try {
      for (const path of ['/replica', '/read-only', '/health', '/readiness', '/primary'])
        expect([path, await probe(stopped, path)]).toEqual([path, 503]);
      expect(await probe(stopped, '/liveness')).toBe(200);
      const told = () => document<{ role: string; state: string }>(stopped, '/patroni');
      // Right after its end nobody has looked yet.
      await pollUntil(async () => (await told()).state === 'stopped' || undefined, {
        timeoutMs: 30_000,
        intervalMs: 50,
        what: `${stopped} tells that it is stopped`,
      });
      expect((await told()).role).toBe('replica');
    } finally {
      await startAgain(stopped);
    }
    await cluster.healed(120_000);
    await settled(
      '/replica',
      nodes.filter((node) => node !== primaryNow),
    );
  }, 300_000);

  it('that is behind is left out by lag=, and comes back', async () => {
    const [behind, other] = nodes.filter((node) => node !== primaryNow) as [string, string];
    const door = await cluster.door();
    await door.node(behind, 'node.replay', { paused: true });
    try {
      // Commits of a synchronous group wait for the replay that is paused.
      await onPrimary(`SET synchronous_commit = local; CREATE TABLE filler (t text);
        INSERT INTO filler SELECT repeat(md5(i::text), 30) FROM generate_series(1, 6000) AS i`);
      await settled('/replica?lag=1MB', [other]);
      await settled('/replica?lag=1048576', [other]);
      await settled('/replica?lag=1GB', [behind, other]);
      await settled('/replica', [behind, other]);
      // It has received what it doesn't replay.
      await settled('/readiness?lag=1MB&mode=write', nodes);
      await settled(
        '/readiness?lag=1MB',
        nodes.filter((node) => node !== behind),
      );
    } finally {
      await door.node(behind, 'node.replay', { paused: false });
    }
    await settled('/replica?lag=1MB', [behind, other]);
  }, 120_000);
});

async function onPrimary(sql: string): Promise<void> {
  const client = new pg.Client(await cluster.service('main-rw'));
  await client.connect();
  try {
    await client.query(sql);
  } finally {
    await client.end();
  }
}

const haproxy = spawnSync('haproxy', ['-v']).error === undefined;
if (!haproxy) console.log('HAProxy is not installed (apt-get install haproxy): its test is left out.');

/** As Patroni's users have it, for writes and for reads; only addresses and ports differ. */
function haproxyConfiguration(listeners: readonly { port: number; check: string }[]): string {
  const servers = nodes.map(
    (node) => `    server ${node} 127.0.0.1:${ports()[`${node}.postgres`]} maxconn 100 check port ${probePort(node)}`,
  );
  return [
    'global',
    '    maxconn 100',
    'defaults',
    '    log global',
    '    mode tcp',
    '    retries 2',
    '    timeout client 30m',
    '    timeout connect 4s',
    '    timeout server 30m',
    '    timeout check 5s',
    ...listeners.flatMap(({ port, check }) => [
      `listen on_${port}`,
      `    bind 127.0.0.1:${port}`,
      `    option httpchk${check}`,
      '    http-check expect status 200',
      '    default-server inter 3s fall 3 rise 2 on-marked-down shutdown-sessions',
      ...servers,
    ]),
    '',
  ].join('\n');
}

describe.runIf(haproxy)('Debian’s HAProxy with Patroni’s configuration', () => {
  let balancer: ChildProcess | null = null;
  let plain: number;
  let writing: number;
  let reading: number;
  let said = '';

  beforeAll(async () => {
    await cluster.healed(100_000);
    [plain, writing, reading] = [await freePort(), await freePort(), await freePort()];
    const file = join(directory, 'haproxy.cfg');
    const listeners = [
      { port: plain, check: '' },
      { port: writing, check: ' OPTIONS /primary' },
      { port: reading, check: ' OPTIONS /replica' },
    ];
    writeFileSync(file, haproxyConfiguration(listeners));
    balancer = spawn('haproxy', ['-db', '-f', file], { stdio: ['ignore', 'pipe', 'pipe'] });
    for (const stream of [balancer.stdout, balancer.stderr])
      stream?.on('data', (chunk) => {
        said = (said + chunk).slice(-10_000);
      });
  });
  afterAll(async () => {
    const running = balancer;
    if (running === null) return;
    const ended = new Promise((done) => running.once('exit', done));
    running.kill('SIGKILL');
    await ended;
  });

  async function through(port: number): Promise<{ port: number; standby: boolean }> {
    const client = new pg.Client({ ...(await cluster.service('main-rw')), port, connectionTimeoutMillis: 5_000 });
    client.on('error', () => undefined);
    await client.connect();
    try {
      const { rows } = await client.query('SELECT inet_server_port() AS port, pg_is_in_recovery() AS standby');
      return rows[0] as { port: number; standby: boolean };
    } finally {
      await client.end().catch(() => undefined);
    }
  }

  const leadsTo = (listener: number, allowed: readonly string[]) =>
    pollUntil(
      async () => {
        // Each in turn: not one of them may lead elsewhere.
        const reached = new Set<number>();
        for (let n = 0; n < 4; n++) reached.add((await through(listener)).port);
        const wanted = allowed.map((node) => ports()[`${node}.postgres`]);
        if ([...reached].some((port) => !wanted.includes(port)))
          throw new Error(`led to ${[...reached].join()}\n${said}`);
        return true;
      },
      { timeoutMs: 60_000, intervalMs: 250, what: `HAProxy leads to ${allowed.join()}` },
    );

  it('leads writes to the primary and reads to standbys, and after a switchover to the new ones', async () => {
    const first = await cluster.primary('main');
    for (const listener of [plain, writing]) await leadsTo(listener, [first]);
    await leadsTo(
      reading,
      nodes.filter((node) => node !== first),
    );

    const open = new pg.Client({ ...(await cluster.service('main-rw')), port: writing });
    const ended = new Promise<void>((done) => open.once('end', () => done()));
    open.on('error', () => undefined);
    await open.connect();

    const second = await switchover();
    await ended;
    for (const listener of [plain, writing]) await leadsTo(listener, [second]);
    await leadsTo(
      reading,
      nodes.filter((node) => node !== second),
    );
    expect((await through(writing)).standby).toBe(false);
    expect((await through(reading)).standby).toBe(true);
  }, 300_000);
});
