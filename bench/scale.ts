/**
 * `npm run bench:scale`: what N nodes cost the leading controller, through the real interconnect, control store and controller; the agents are simulated
 * (no PostgreSQL) but report and renew leases like real ones. `--nodes 10,100,300,1000`, `--stores 3`, `--seconds 15`, `--quiet 0` (share of idle nodes),
 * `--api` also runs the console server of RUSTYDB_DIST against the largest cluster and loads it with bench/api.ts. `--profile directory` writes a CPU
 * profile of each control store (and of the console server) there.
 */
import { type ChildProcess, fork, spawn } from 'node:child_process';
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { Agent, get } from 'node:http';
import { tmpdir } from 'node:os';
import { join, resolve } from 'node:path';
import { parseArgs } from 'node:util';
import { EngineConnection } from '../engine/interconnect/engine-connection';
import { pollUntil } from '../engine/kernel/async';
import { createLogger } from '../engine/kernel/log';
import { cpuTimeMs } from '../engine/testing/process-table';
import { delay, distDirectory, freePort } from '../engine/testing/real-cluster';
import { machineFacts, machineLine, saveJson, say, table } from './measure/report';
import { percentile } from './measure/statistics';
import { clusterId, type StoreAddress, secret } from './scale/plan';

const { values } = parseArgs({
  options: {
    nodes: { type: 'string', default: '10,100,300,1000' },
    stores: { type: 'string', default: '3' },
    seconds: { type: 'string', default: '15' },
    quiet: { type: 'string', default: '0' },
    api: { type: 'boolean', default: false },
    profile: { type: 'string', default: '' },
    'api-seconds': { type: 'string', default: '15' },
  },
});
const agentsPerProcess = 500;
const apiKey = 'scale-benchmark-admin-key-0123456789';

type Busy = {
  readonly reports: number;
  readonly loopP99Ms: number;
  readonly loopMaxMs: number;
  readonly leader: boolean;
  readonly sentence: string;
  readonly healthy: number;
  readonly connected: number;
  readonly heapMB: number;
};

type Cluster = {
  readonly nodes: number;
  readonly directory: string;
  readonly stores: readonly StoreAddress[];
  readonly hosts: readonly ChildProcess[];
  readonly agents: readonly ChildProcess[];
};

function child(script: string, options: unknown): ChildProcess {
  return fork(resolve('bench', 'scale', script), [JSON.stringify(options)], {
    execArgv: ['--enable-source-maps', '--import', 'tsx'],
  });
}

function answer<T>(process: ChildProcess, kind: string, ask?: unknown, timeoutMs = 60_000): Promise<T> {
  return new Promise((done, fail) => {
    const timer = setTimeout(() => fail(new Error(`no ${kind} from a child`)), timeoutMs);
    const listen = (message: unknown) => {
      if ((message as { kind: string }).kind !== kind) return;
      process.off('message', listen);
      clearTimeout(timer);
      done(message as T);
    };
    process.on('message', listen);
    if (ask) process.send(ask);
  });
}

async function begin(nodes: number): Promise<Cluster> {
  const directory = mkdtempSync(join(tmpdir(), 'rustydb-scale-'));
  const stores: StoreAddress[] = [];
  for (let index = 0; index < Number(values.stores); index++)
    stores.push({ id: `store-${index + 1}`, port: await freePort() });
  const hosts = stores.map((store) =>
    child('host.ts', { ...store, stores, nodes, directory: join(directory, store.id) }),
  );
  await Promise.all(hosts.map((host) => answer(host, 'started')));
  const leader = await leaderOf(hosts);
  await answer(hosts[leader] as ChildProcess, 'seeded', { kind: 'seed' });
  const agents: ChildProcess[] = [];
  for (let from = 0; from < nodes; from += agentsPerProcess) {
    const to = Math.min(nodes, from + agentsPerProcess);
    agents.push(child('agents.ts', { from, to, nodes, stores, quiet: Number(values.quiet) }));
  }
  const started = await Promise.all(agents.map((one) => answer<{ ports: object }>(one, 'started')));
  for (const { ports } of started) for (const host of hosts) host.send({ kind: 'peers', ports });
  return { nodes, directory, stores, hosts, agents };
}

async function leaderOf(hosts: readonly ChildProcess[]): Promise<number> {
  return pollUntil(
    async () => {
      const all = await Promise.all(hosts.map((host) => answer<Busy>(host, 'busy', { kind: 'busy' })));
      const index = all.findIndex((one) => one.leader);
      return index < 0 ? undefined : index;
    },
    { timeoutMs: 20_000, intervalMs: 100, what: 'a leader' },
  );
}

function end(cluster: Cluster): void {
  for (const one of [...cluster.agents, ...cluster.hosts]) one.kill('SIGKILL');
  rmSync(cluster.directory, { recursive: true, force: true });
}

async function measure(cluster: Cluster) {
  const { hosts, agents, nodes } = cluster;
  const index = await pollUntil(
    async () => {
      const leading = await leaderOf(hosts);
      const { healthy, sentence } = await answer<Busy>(hosts[leading] as ChildProcess, 'busy', { kind: 'busy' });
      if (healthy < nodes) throw new Error(`${healthy} of ${nodes} healthy: ${sentence}`);
      const all = await Promise.all(hosts.map((host) => answer<Busy>(host, 'busy', { kind: 'busy' })));
      const fewest = Math.min(...all.map((one) => one.connected));
      if (fewest < nodes) throw new Error(`a control store is connected to ${fewest} of ${nodes}`);
      return leading;
    },
    { timeoutMs: 120_000, intervalMs: 500, what: 'all nodes healthy' },
  );
  const leader = hosts[index] as ChildProcess;
  const pids = [...hosts, ...agents].map((one) => one.pid as number);
  const before = await countsOf(agents);
  const cpuBefore = pids.map((pid) => cpuTimeMs(pid) ?? 0);
  const busyBefore = await answer<Busy>(leader, 'busy', { kind: 'busy' });
  const profile = () =>
    Promise.all(
      hosts.map((host, at) => {
        const file = join(values.profile, `${at === index ? 'leader' : `follower-${at + 1}`}-${nodes}.cpuprofile`);
        return answer(host, 'profiled', { kind: 'profile', file });
      }),
    );
  if (values.profile) await profile();
  const begun = performance.now();
  const viewMs = await viewLatencies(cluster, Number(values.seconds) * 1000);
  const seconds = (performance.now() - begun) / 1000;
  const busy = await answer<Busy>(leader, 'busy', { kind: 'busy' });
  const cores = pids.map((pid, at) => ((cpuTimeMs(pid) ?? 0) - (cpuBefore[at] ?? 0)) / 1000 / seconds);
  if (values.profile) await profile();
  const afterwards = await countsOf(agents);
  const counted = (name: keyof AgentCounts) => afterwards[name] - before[name];
  return {
    nodes,
    reportsPerSecond: Math.round((busy.reports - busyBefore.reports) / seconds),
    leaderCores: Math.round((cores[index] ?? 0) * 100) / 100,
    followerCores: Math.round(Math.max(0, ...cores.slice(0, hosts.length).filter((_, at) => at !== index)) * 100) / 100,
    agentCores: Math.round(cores.slice(hosts.length).reduce((sum, one) => sum + one, 0) * 100) / 100,
    loopP99Ms: Math.round(busy.loopP99Ms * 10) / 10,
    loopMaxMs: Math.round(busy.loopMaxMs),
    viewP95Ms: Math.round(percentile(viewMs, 0.95) * 10) / 10,
    renewalsPerSecond: Math.round(counted('renewals') / seconds),
    refusedRenewals: counted('refused'),
    appendsPerSecond: Math.round(counted('appends') / seconds),
    healthy: busy.healthy,
    leaderKept: busy.leader ? 'yes' : 'no',
    leaderMB: busy.heapMB,
  };
}

type AgentCounts = { readonly renewals: number; readonly refused: number; readonly appends: number };

async function countsOf(agents: readonly ChildProcess[]): Promise<AgentCounts> {
  const all = await Promise.all(agents.map((one) => answer<AgentCounts>(one, 'busy', { kind: 'busy' })));
  const sum = (name: keyof AgentCounts) => all.reduce((total, one) => total + one[name], 0);
  return { renewals: sum('renewals'), refused: sum('refused'), appends: sum('appends') };
}

function connect(cluster: Cluster): EngineConnection {
  const logger = createLogger('scale');
  logger.level = 'silent';
  const seeds = cluster.stores.map(({ id, port }) => ({ nodeId: id, host: '127.0.0.1', port }));
  return new EngineConnection({ kind: 'console', name: `scale-${process.pid}`, clusterId, secret, seeds, logger });
}

/** One reader of the whole view per second and the live stream: what one console server asks of the controller. */
async function viewLatencies(cluster: Cluster, ms: number): Promise<readonly number[]> {
  const connection = connect(cluster);
  await connection.start();
  const stream = connection.openStream('view.stream', {}, { onItem: () => undefined });
  const times: number[] = [];
  const until = performance.now() + ms;
  while (performance.now() < until) {
    const begun = performance.now();
    await connection.requestLeader('view.get', {}, 10_000);
    times.push(performance.now() - begun);
    await delay(1_000);
  }
  stream.close();
  await connection.stop();
  return times;
}

/** The built console server in front of this cluster, under open-loop load. */
async function api(cluster: Cluster): Promise<readonly unknown[]> {
  const port = await freePort();
  const directory = join(cluster.directory, 'console');
  mkdirSync(directory, { recursive: true });
  const secretFile = (name: string, text: string) => {
    const file = join(directory, name);
    writeFileSync(file, text, { mode: 0o600 });
    return file;
  };
  const generous = { points: 1_000_000, seconds: 1 };
  const config = {
    clusterId,
    clusterName: 'scale',
    host: '127.0.0.1',
    port,
    dataDirectory: directory,
    secretFile: secretFile('cluster', secret),
    sessionSecretFile: secretFile('session', 's'.repeat(48)),
    adminPasswordFile: secretFile('admin', 'scale-admin-password'),
    apiKeyFile: secretFile('key', apiKey),
    appPasswordFile: secretFile('app', 'scale-app-password'),
    seeds: cluster.stores.map(({ id, port: storePort }) => ({ nodeId: id, host: '127.0.0.1', port: storePort })),
    rehearsalEnabled: false,
    rateLimits: { read: generous, node: generous, write: generous, login: generous, anonymous: generous },
  };
  const file = secretFile('server.json', JSON.stringify(config));
  const profiled = values.profile ? ['--cpu-prof', '--cpu-prof-dir', values.profile] : [];
  const server = spawn(
    process.execPath,
    [...profiled, '--enable-source-maps', join(distDirectory(), 'server.mjs'), file],
    {
      stdio: ['ignore', 'ignore', 'inherit'],
      env: { ...process.env, NODE_ENV: 'production' },
    },
  );
  try {
    const url = `http://127.0.0.1:${port}`;
    const headers = { 'X-API-Key': apiKey };
    await pollUntil(async () => (await fetch(`${url}/api/v1/cluster/nodes?limit=1`, { headers })).ok || undefined, {
      timeoutMs: 40_000,
      intervalMs: 200,
      what: 'the console answers',
    });
    const results: unknown[] = [];
    for (const path of [
      '/api/v1/cluster/nodes?limit=50',
      `/api/v1/cluster/nodes/node-${Math.ceil(cluster.nodes / 2)}`,
      '/api/v1/clustering/status',
    ]) {
      results.push(await load(url, path, 1_000));
      say(JSON.stringify(results.at(-1)));
    }
    results.push(await topologies(url, Number(values['api-seconds'])));
    say(JSON.stringify(results.at(-1)));
    return results;
  } finally {
    const gone = new Promise((done) => server.once('exit', done));
    server.kill('SIGTERM');
    await gone;
  }
}

function load(url: string, path: string, rate: number): Promise<unknown> {
  const words = ['--import', 'tsx', 'bench/api.ts', '--url', url, '--key', apiKey, '--rate', String(rate)];
  const rest = ['--seconds', values['api-seconds'], '--closed', '0', '--gzip', '--paths', path];
  return new Promise((done, fail) => {
    const process_ = spawn(process.execPath, [...words, ...rest], { stdio: ['ignore', 'pipe', 'inherit'] });
    let text = '';
    process_.stdout.on('data', (part: Buffer) => {
      text += part.toString();
    });
    process_.once('error', fail);
    process_.once('exit', () => {
      const line = text.split('\n').find((one) => one.includes('open loop'));
      if (line) done({ path, ...(JSON.parse(line) as object) });
      else fail(new Error(`bench/api.ts answered: ${text}`));
    });
  });
}

/** The whole topology at 100/s, each reader with the tag of the last one it saw. */
async function topologies(url: string, seconds: number): Promise<unknown> {
  const rate = 100;
  const times: number[] = [];
  const counts = { full: 0, unchanged: 0, other: 0, bytes: 0 };
  let tag = '';
  const open = new Set<Promise<void>>();
  const agent = new Agent({ keepAlive: true });
  const begun = performance.now();
  for (let number = 0; number < rate * seconds; number++) {
    const due = begun + (number * 1_000) / rate;
    if (due > performance.now()) await delay(due - performance.now());
    const one = (async () => {
      const { status, etag, bytes } = await getTopology(url, agent, tag);
      times.push(performance.now() - due);
      tag = etag ?? tag;
      counts.bytes = Math.max(counts.bytes, bytes);
      if (status === 200) counts.full++;
      else if (status === 304) counts.unchanged++;
      else counts.other++;
    })().catch(() => void counts.other++);
    open.add(one);
    void one.finally(() => open.delete(one));
  }
  await Promise.all(open);
  agent.destroy();
  return {
    path: '/api/v1/cluster/topology',
    offered_per_second: rate,
    ...counts,
    p50_ms: Math.round(percentile(times, 0.5) * 10) / 10,
    p95_ms: Math.round(percentile(times, 0.95) * 10) / 10,
  };
}

function getTopology(url: string, agent: Agent, tag: string) {
  const headers = { 'X-API-Key': apiKey, 'Accept-Encoding': 'gzip', ...(tag ? { 'If-None-Match': tag } : {}) };
  return new Promise<{ status: number; etag: string | undefined; bytes: number }>((done, fail) => {
    get(`${url}/api/v1/cluster/topology`, { agent, headers }, (response) => {
      let bytes = 0;
      response.on('data', (part: Buffer) => {
        bytes += part.length;
      });
      response.once('end', () => done({ status: response.statusCode ?? 0, etag: response.headers.etag, bytes }));
    }).once('error', fail);
  });
}

async function main(): Promise<void> {
  const machine = machineFacts();
  const rows: Awaited<ReturnType<typeof measure>>[] = [];
  let apiResults: readonly unknown[] = [];
  const sizes = values.nodes.split(',').map(Number);
  for (const nodes of sizes) {
    const cluster = await begin(nodes);
    try {
      const row = await measure(cluster);
      rows.push(row);
      say(JSON.stringify(row));
      if (values.api && nodes === sizes.at(-1)) apiResults = await api(cluster);
    } catch (error) {
      // A size that this machine can't carry is a result too.
      say(`${nodes} nodes: ${(error as Error).message}`);
      process.exitCode = 1;
    } finally {
      end(cluster);
    }
  }
  console.log(`${machineLine(machine)}\n`);
  const first = rows[0];
  if (first)
    console.log(
      table(
        Object.keys(first),
        rows.map((row) => Object.values(row)),
      ),
    );
  for (const result of apiResults) console.log(JSON.stringify(result));
  console.log(`\n${saveJson('scale', { machine, rows, api: apiResults })}`);
}

await main();
process.exit();
