/**
 * `npm run bench:overhead`: what each surface adds to a procedure, at the median, on one connection, one call after the other. The same
 * procedure is called directly (its handler with a parsed input, in the server's process) and over REST, GraphQL, tRPC on HTTP and tRPC on
 * WebSocket from another process; a bare HTTP server and a bare WebSocket echo show what the way itself costs. `--calls 3000`.
 */
import { type ChildProcess, fork } from 'node:child_process';
import { Agent, request } from 'node:http';
import { loadavg } from 'node:os';
import { join } from 'node:path';
import { parseArgs } from 'node:util';
import WebSocket from 'ws';
import { onInterruption } from './measure/interruption';
import { machineFacts, machineLine, saveJson, say, table } from './measure/report';
import { median, percentile } from './measure/statistics';

const { values } = parseArgs({ options: { calls: { type: 'string', default: '3000' } } });
const calls = Number(values.calls);
const warmUp = Math.min(1000, calls);
const goals: Readonly<Record<string, number>> = { REST: 0.5, 'tRPC/WS': 0.5, 'tRPC/HTTP': 1.3, GraphQL: 0.8 };

type Server = { readonly port: number; readonly barePort: number; readonly key: string };

const facts = machineFacts();
const child: ChildProcess = fork(join(import.meta.dirname, 'overhead', 'server.ts'), [], {
  execArgv: ['--import', 'tsx'],
  stdio: ['ignore', 'inherit', 'inherit', 'ipc'],
});
onInterruption(async () => void child.kill('SIGKILL'));
const answer = <T>() => new Promise<T>((resolve) => child.once('message', resolve as () => void));
const { port, barePort, key } = await answer<Server>();

/** Milliseconds of each call, warm-up left out. */
async function timed(call: () => Promise<unknown>): Promise<number[]> {
  const taken: number[] = [];
  for (let n = 0; n < warmUp + calls; n++) {
    const startedAt = performance.now();
    await call();
    if (n >= warmUp) taken.push(performance.now() - startedAt);
  }
  return taken.sort((a, b) => a - b);
}

const agent = new Agent({ keepAlive: true, maxSockets: 1, noDelay: true });

function http(onPort: number, method: string, path: string, body?: string): () => Promise<void> {
  const headers = {
    'X-API-Key': key,
    ...(body ? { 'Content-Type': 'application/json', 'Content-Length': Buffer.byteLength(body) } : {}),
  };
  return () =>
    new Promise((resolve, reject) => {
      const sent = request({ host: '127.0.0.1', port: onPort, method, path, headers, agent }, (response) => {
        if (response.statusCode !== 200) reject(new Error(`${method} ${path}: ${response.statusCode}`));
        response.resume();
        response.once('end', resolve);
      });
      sent.once('error', reject);
      sent.end(body);
    });
}

async function socket(address: string): Promise<{ ask(text: string): Promise<string>; close(): void }> {
  const client = new WebSocket(address, { headers: { 'X-API-Key': key }, perMessageDeflate: false });
  await new Promise((resolve, reject) => client.once('open', resolve).once('error', reject));
  let got: (text: string) => void = () => {};
  client.on('message', (data) => got(data.toString()));
  return {
    ask: (text) =>
      new Promise((resolve) => {
        got = resolve;
        client.send(text);
      }),
    close: () => client.terminate(),
  };
}

const input = encodeURIComponent('{}');
const document = JSON.stringify({
  query:
    '{ clusterConfig { cluster_name replication_factor min_quorum_size election_timeout_ms heartbeat_interval_ms auto_failover geo_replication } }',
});
const trpcSocket = await socket(`ws://127.0.0.1:${port}/api/trpc`);
const echo = await socket(`ws://127.0.0.1:${barePort}`);
let id = 0;
const overTrpcSocket = async () => {
  const text = await trpcSocket.ask(
    JSON.stringify({ id: ++id, method: 'query', params: { path: 'cluster.getConfig', input: {} } }),
  );
  if (!text.includes('"result"')) throw new Error(text);
};

child.send({ calls, warmUp });
const direct = await answer<number[]>();
const measured: Record<string, number[]> = {
  'bare HTTP': await timed(http(barePort, 'GET', '/')),
  'bare WebSocket': await timed(() => echo.ask('x')),
  REST: await timed(http(port, 'GET', '/api/v1/cluster/config')),
  'tRPC/HTTP': await timed(http(port, 'GET', `/api/trpc/cluster.getConfig?input=${input}`)),
  'tRPC/WS': await timed(overTrpcSocket),
  GraphQL: await timed(http(port, 'POST', '/graphql', document)),
};
trpcSocket.close();
echo.close();
agent.destroy();
child.kill('SIGTERM');

const base = median(direct);
const rows = Object.entries(measured).map(([surface, taken]) => {
  const overhead = median(taken) - base;
  return [surface, median(taken), percentile(taken, 0.95), overhead, goals[surface] ?? null] as const;
});
say(machineLine(facts));
process.stdout.write(
  `direct call: p50 ${base.toFixed(3)} ms; ${calls} calls each, load after ${loadavg()[0]!.toFixed(1)}\n\n${table(
    ['surface', 'p50 ms', 'p95 ms', 'overhead p50 ms', 'goal ms'],
    rows.map((row) => [...row].map((cell) => (typeof cell === 'number' ? cell.toFixed(3) : cell))),
  )}\n`,
);
say(saveJson('overhead', { facts, load_after: loadavg()[0], calls, direct_p50_ms: base, rows }));
process.exit(rows.every(([, , , overhead, goal]) => goal === null || overhead <= goal) ? 0 : 1);
