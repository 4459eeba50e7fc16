/**
 * `npm run fuzz -- [--requests 20000] [--streams 6000] [--seed n]`: every procedure over every surface, then every stream, with generated inputs,
 * against a console in a process of its own, or, with `--url http://… --key <admin key>`, the procedures against one that runs with its real
 * cluster (a scratch one: it is changed). Exits 1 on a 5xx, a hang, a leak of internals, a connection left open, or memory that grows.
 */
import { spawn } from 'node:child_process';
import { loadavg } from 'node:os';
import path from 'node:path';
import { createInterface } from 'node:readline';
import { fileURLToPath } from 'node:url';
import { parseArgs } from 'node:util';
import { realTarget } from './real-target';
import { type FuzzTarget, fuzz } from './run';
import { fuzzStreams, type Held } from './stream-run';

const { values } = parseArgs({
  options: {
    requests: { type: 'string', default: '20000' },
    streams: { type: 'string', default: '6000' },
    seed: { type: 'string', default: `${Date.now() % 1e6}` },
    url: { type: 'string' },
    key: { type: 'string', default: process.env.RUSTYDB_API_KEY ?? '' },
  },
});
/** Growth of the heap after warm-up that is still called flat. */
const flatBytes = 24 * 1024 * 1024;

if (values.url !== undefined) {
  const { target, end } = await realTarget(values.url, values.key);
  const seed = Number(values.seed);
  const report = await fuzz(target, { requests: Number(values.requests), seed });
  await end();
  console.log(JSON.stringify({ seed, url: values.url, ...report, load_1m: loadavg()[0] }, null, 2));
  process.exit(report.findings.length === 0 ? 0 : 1);
}

const server = fileURLToPath(new URL('./server.ts', import.meta.url));
const child = spawn(process.execPath, ['--expose-gc', '--import', 'tsx', server], {
  cwd: path.resolve(path.dirname(server), '../../..'),
  stdio: ['pipe', 'pipe', 'inherit'],
});
const lines = createInterface({ input: child.stdout })[Symbol.asyncIterator]();
const read = async <T>() => JSON.parse((await lines.next()).value as string) as T;

const target = await read<FuzzTarget>();
type Look = { readonly heapUsed: number; readonly rss: number; readonly held: Held };
const memory: Look[] = [];
/** One question at a time: answers come in the order of the lines. */
let asked: Promise<unknown> = Promise.resolve();
function look(): Promise<Look> {
  const answer = asked.then(() => {
    child.stdin.write('look\n');
    return read<Look>();
  });
  asked = answer;
  return answer;
}
async function onProgress(done: number): Promise<void> {
  if (done % 5000 === 0) memory.push(await look());
}

const seed = Number(values.seed);
const report = await fuzz(target, { requests: Number(values.requests), seed, onProgress });
memory.push(await look());
const streams = await fuzzStreams(target, {
  streams: Number(values.streams),
  seed,
  onProgress,
  held: async () => (await look()).held,
});
memory.push(await look());
child.stdin.end();

const heapMb = memory.map(({ heapUsed }) => Math.round(heapUsed / 2 ** 20));
const grown = memory.at(-1)!.heapUsed - memory[0]!.heapUsed;
const flat = memory.length < 2 || grown < flatBytes;
console.log(
  JSON.stringify({ seed, ...report, streams, heap_mb: heapMb, memory_flat: flat, load_1m: loadavg()[0] }, null, 2),
);
process.exitCode = report.findings.length + streams.findings.length === 0 && flat ? 0 : 1;
