/**
 * `npm run fuzz -- [--requests 20000] [--seed n]`: every procedure over every surface with generated inputs, against a console in a process
 * of its own. Exits 1 on a 5xx, a hang, a leak of internals, or memory that grows.
 */
import { spawn } from 'node:child_process';
import { loadavg } from 'node:os';
import path from 'node:path';
import { createInterface } from 'node:readline';
import { fileURLToPath } from 'node:url';
import { parseArgs } from 'node:util';
import { type FuzzTarget, fuzz } from './run';

const { values } = parseArgs({
  options: { requests: { type: 'string', default: '20000' }, seed: { type: 'string', default: `${Date.now() % 1e6}` } },
});
/** Growth of the heap after warm-up that is still called flat. */
const flatBytes = 24 * 1024 * 1024;

const server = fileURLToPath(new URL('./server.ts', import.meta.url));
const child = spawn(process.execPath, ['--expose-gc', '--import', 'tsx', server], {
  cwd: path.resolve(path.dirname(server), '../../..'),
  stdio: ['pipe', 'pipe', 'inherit'],
});
const lines = createInterface({ input: child.stdout })[Symbol.asyncIterator]();
const read = async <T>() => JSON.parse((await lines.next()).value as string) as T;

const target = await read<FuzzTarget>();
const memory: { heapUsed: number; rss: number }[] = [];
const requests = Number(values.requests);
const report = await fuzz(target, {
  requests,
  seed: Number(values.seed),
  async onProgress(done) {
    if (done % 5000 !== 0) return;
    child.stdin.write('memory\n');
    memory.push(await read());
  },
});
child.stdin.write('memory\n');
memory.push(await read());
child.stdin.end();

const heapMb = memory.map(({ heapUsed }) => Math.round(heapUsed / 2 ** 20));
const grown = memory.at(-1)!.heapUsed - memory[0]!.heapUsed;
const flat = memory.length < 2 || grown < flatBytes;
console.log(
  JSON.stringify(
    { seed: Number(values.seed), ...report, heap_mb: heapMb, memory_flat: flat, load_1m: loadavg()[0] },
    null,
    2,
  ),
);
process.exitCode = report.findings.length === 0 && flat ? 0 : 1;
