/**
 * `npm run bench:mutations -- --url http://127.0.0.1:8080 --key <admin API key>`: how long changes take on a running console, one after another, with
 * `--reads 500` reads a second offered beside them. Journal: mutations that only write an operation down (a switchover scheduled for tomorrow, and its
 * cancellation). Synchronous: what is done when the answer comes. Everything is undone again. Prints a table and a JSON file.
 */
import { Agent, request } from 'node:http';
import { parseArgs } from 'node:util';
import { machineFacts, machineLine, saveJson, table } from './measure/report';
import { percentile } from './measure/statistics';

const { values: options } = parseArgs({
  options: {
    url: { type: 'string', default: 'http://127.0.0.1:8080' },
    key: { type: 'string', default: process.env.RUSTYDB_API_KEY ?? '' },
    rounds: { type: 'string', default: '100' },
    reads: { type: 'string', default: '500' },
    group: { type: 'string', default: 'alpha' },
  },
});

type Kind = 'journal' | 'synchronous';
type Answer = Readonly<Record<string, unknown>>;

const base = new URL(options.url);
const agent = new Agent({ keepAlive: true, maxSockets: 1 });
const readers = new Agent({ keepAlive: true, maxSockets: 50 });
const measured = new Map<string, { readonly kind: Kind; readonly ms: number[] }>();

function call(method: string, path: string, body?: Answer, through = agent): Promise<Answer> {
  return new Promise((resolve, reject) => {
    const headers = { 'X-API-Key': options.key, ...(body ? { 'Content-Type': 'application/json' } : {}) };
    const sent = request(
      { host: base.hostname, port: base.port, method, path: `/api/v1${path}`, headers, agent: through },
      (response) => {
        const parts: Buffer[] = [];
        response.on('data', (part: Buffer) => parts.push(part));
        response.once('end', () => {
          const text = Buffer.concat(parts).toString();
          if ((response.statusCode ?? 500) < 300) resolve(text === '' ? {} : JSON.parse(text));
          else reject(new Error(`${method} ${path}: ${response.statusCode} ${text.slice(0, 300)}`));
        });
      },
    );
    sent.once('error', reject);
    sent.end(body && JSON.stringify(body));
  });
}

async function timed(kind: Kind, what: string, method: string, path: string, body?: Answer): Promise<Answer> {
  const begun = performance.now();
  const answer = await call(method, path, body);
  const row = measured.get(what) ?? { kind, ms: [] };
  row.ms.push(performance.now() - begun);
  measured.set(what, row);
  return answer;
}

async function round(index: number): Promise<void> {
  const { group } = options;
  const tomorrow = new Date(Date.now() + 86_400_000).toISOString();
  const operation = await timed('journal', 'schedule a switchover', 'POST', '/cluster/failover', {
    group,
    mode: 'switchover',
    scheduled_at: tomorrow,
  });
  await timed('journal', 'cancel it', 'POST', `/operations/${operation.id}/cancel`, {});
  await timed('synchronous', 'change the configuration', 'PUT', '/cluster/config', { drain_ms: 5000 + (index % 2) });
  await timed('synchronous', 'pause automatic failover', 'PUT', '/cluster/automatic-failover', {
    group,
    enabled: false,
    reason: 'benchmark',
  });
  await timed('synchronous', 'resume automatic failover', 'PUT', '/cluster/automatic-failover', {
    group,
    enabled: true,
    reason: 'benchmark',
  });
  await timed('synchronous', 'switch the WAL segment', 'POST', '/replication/wal/switch', { group });
  const user = await timed('synchronous', 'create a user', 'POST', '/users', {
    username: `bench-${process.pid}-${index}`,
    password: 'a long enough password',
    role: 'viewer',
  });
  await timed('synchronous', 'delete the user', 'DELETE', `/users/${user.id}`);
  const key = await timed('synchronous', 'create an API key', 'POST', '/api-keys', {
    name: `bench-${index}`,
    role: 'viewer',
  });
  await timed('synchronous', 'revoke the key', 'DELETE', `/api-keys/${key.id}`);
}

/** Reads beside the mutations, at a fixed rate whatever the answers do; the returned function ends them and tells what failed. */
function offerReads(perSecond: number): () => { readonly sent: number; readonly failed: number } {
  const paths = ['/cluster/topology', '/cluster/nodes', '/clustering/status'];
  const begun = performance.now();
  let sent = 0;
  let failed = 0;
  const timer = setInterval(() => {
    const due = ((performance.now() - begun) / 1000) * perSecond;
    while (sent < due) {
      call('GET', paths[sent % paths.length]!, undefined, readers).catch(() => {
        failed++;
      });
      sent++;
    }
  }, 2);
  return () => {
    clearInterval(timer);
    return { sent, failed };
  };
}

const machine = machineFacts();
await round(-1);
measured.clear();
const endReads = offerReads(Number(options.reads));
for (let index = 0; index < Number(options.rounds); index++) await round(index);
const reads = endReads();
const rows = [...measured].map(([what, { kind, ms }]) => {
  const at = (share: number) => Math.round(percentile(ms, share) * 10) / 10;
  return { kind, what, count: ms.length, p50: at(0.5), p95: at(0.95), max: at(1) };
});
const all = (kind: Kind) => [...measured.values()].filter((row) => row.kind === kind).flatMap((row) => row.ms);
for (const kind of ['journal', 'synchronous'] as const) {
  const at = (share: number) => Math.round(percentile(all(kind), share) * 10) / 10;
  rows.push({ kind, what: 'all', count: all(kind).length, p50: at(0.5), p95: at(0.95), max: at(1) });
}
console.log(`${machineLine(machine)}\n`);
console.log(
  table(
    ['kind', 'what', 'count', 'p50 ms', 'p95 ms', 'max ms'],
    rows.map((row) => [row.kind, row.what, row.count, row.p50, row.p95, row.max]),
  ),
);
console.log(`\nreads beside: ${options.reads}/s offered, ${reads.sent} sent, ${reads.failed} failed`);
console.log(saveJson('mutations', { machine, reads, rows }));
agent.destroy();
readers.destroy();
