/**
 * Load on the API of a running console: `npm run bench:api -- --url http://127.0.0.1:8080 --key <api key>`.
 * Open loop: requests leave at the offered rate whatever the answers do, and latency counts from when each was due, so a stall is seen by
 * all that it delayed. Then the closed-loop maximum, with autocannon. Prints one JSON line per part for docs/benchmarks.md.
 */
import { execFileSync } from 'node:child_process';
import { Agent, request } from 'node:http';
import { cpus, loadavg, totalmem } from 'node:os';
import { parseArgs } from 'node:util';
import autocannon from 'autocannon';

const { values: options } = parseArgs({
  options: {
    url: { type: 'string', default: 'http://127.0.0.1:8080' },
    key: { type: 'string', default: process.env.RUSTYDB_API_KEY ?? '' },
    rate: { type: 'string', default: '2000' },
    seconds: { type: 'string', default: '60' },
    connections: { type: 'string', default: '50' },
    gzip: { type: 'boolean', default: false },
    closed: { type: 'string', default: '10' },
    paths: {
      type: 'string',
      default: '/api/v1/cluster/topology,/api/v1/cluster/nodes,/api/v1/clustering/status,/api/v1/replication/status',
    },
  },
});

const paths = options.paths.split(',');
// Compressed answers are taken as they come: unpacking them would measure this client.
const headers = { 'X-API-Key': options.key, ...(options.gzip ? { 'Accept-Encoding': 'gzip' } : {}) };
const base = new URL(options.url);
const connections = Number(options.connections);

function machine() {
  const [cpu] = cpus();
  return {
    cpu: cpu?.model.trim(),
    cores: cpus().length,
    memory_gb: Math.round(totalmem() / 2 ** 30),
    node: process.version,
    load_1m: Math.round(loadavg()[0]! * 10) / 10,
    commit: execFileSync('git', ['rev-parse', '--short', 'HEAD'], { encoding: 'utf8' }).trim(),
  };
}

function percentile(sorted: Float64Array, share: number): number {
  const value = sorted[Math.min(sorted.length - 1, Math.floor(sorted.length * share))] ?? Number.NaN;
  return Math.round(value * 100) / 100;
}

/** Answers before `warmUpMs` are not counted. */
async function openLoop(rate: number, seconds: number) {
  const agent = new Agent({ keepAlive: true, maxSockets: connections });
  const warmUpMs = Math.min(2000, seconds * 100);
  const latencies: number[] = [];
  const errors = new Map<string, number>();
  const startedAt = performance.now();
  let sent = 0;
  let open = 0;
  let bytes = 0;
  const fail = (what: string) => errors.set(what, (errors.get(what) ?? 0) + 1);
  const send = (dueAt: number, path: string) =>
    new Promise<void>((resolve) => {
      open++;
      const done = () => {
        open--;
        resolve();
      };
      const call = request({ host: base.hostname, port: base.port, path, agent, headers }, (response) => {
        response.on('data', (part: Buffer) => {
          bytes += part.length;
        });
        response.once('end', () => {
          if (response.statusCode !== 200) fail(`status ${response.statusCode}`);
          else if (dueAt - startedAt >= warmUpMs) latencies.push(performance.now() - dueAt);
          done();
        });
      });
      call.once('error', (error: NodeJS.ErrnoException) => {
        fail(error.code ?? error.message);
        done();
      });
      call.end();
    });
  await new Promise<void>((resolve) => {
    const tick = () => {
      const now = performance.now();
      const due = Math.min(Math.floor(((now - startedAt) / 1000) * rate), rate * seconds);
      while (sent < due) {
        void send(startedAt + (sent / rate) * 1000, paths[sent % paths.length]!);
        sent++;
      }
      if (sent < rate * seconds) setTimeout(tick, 1);
      else if (open > 0) setTimeout(tick, 5);
      else resolve();
    };
    tick();
  });
  agent.destroy();
  const sorted = Float64Array.from(latencies).sort();
  return {
    part: 'open loop',
    offered_per_second: rate,
    seconds,
    connections,
    counted: sorted.length,
    kb_each: Math.round(bytes / sent / 102.4) / 10,
    errors: Object.fromEntries(errors),
    p50_ms: percentile(sorted, 0.5),
    p95_ms: percentile(sorted, 0.95),
    p99_ms: percentile(sorted, 0.99),
    max_ms: percentile(sorted, 1),
  };
}

async function closedLoop(path: string, seconds: number) {
  const result = await autocannon({ url: `${base.origin}${path}`, connections, duration: seconds, headers });
  return {
    part: 'closed loop',
    path,
    connections,
    per_second: Math.round(result.requests.average),
    p50_ms: result.latency.p50,
    p97_5_ms: result.latency.p97_5,
    p99_ms: result.latency.p99,
    errors: result.errors + result.timeouts,
    refused: result.non2xx,
  };
}

console.log(JSON.stringify({ part: 'machine', ...machine() }));
console.log(JSON.stringify(await openLoop(Number(options.rate), Number(options.seconds))));
if (Number(options.closed) > 0) {
  for (const path of paths) console.log(JSON.stringify(await closedLoop(path, Number(options.closed))));
}
