/**
 * `npm run bench:audit`: a console with a year of audit log (`--records 1000000`): how long it takes to start, to show the newest page, a
 * filtered one and one from the middle, to check the chain and to give everything away as a file, what memory that costs, and what another
 * caller of the same console notices meanwhile.
 */
import { fork } from 'node:child_process';
import { readdirSync, readFileSync, statSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { parseArgs } from 'node:util';
import { onInterruption } from './measure/interruption';
import { machineFacts, machineLine, saveJson, say, table } from './measure/report';
import { median, percentile } from './measure/statistics';

const { values } = parseArgs({ options: { records: { type: 'string', default: '1000000' } } });
const records = Number(values.records);
const facts = machineFacts();
say(machineLine(facts));

const child = fork(join(import.meta.dirname, 'audit', 'server.ts'), [String(records)], {
  execArgv: ['--import', 'tsx'],
  stdio: ['ignore', 'inherit', 'inherit', 'ipc'],
});
onInterruption(async () => void child.kill('SIGKILL'));
type Started = {
  readonly url: string;
  readonly key: string;
  readonly dataDirectory: string;
  readonly startMs: number;
};
const { url, key, dataDirectory, startMs } = await new Promise<Started>((resolve) =>
  child.once('message', resolve as () => void),
);
const audit = join(dataDirectory, 'audit');
const logBytes = readdirSync(audit).reduce((sum, name) => sum + statSync(join(audit, name)).size, 0);

const residentMB = (what: 'VmRSS' | 'VmHWM') =>
  Math.round(
    Number(new RegExp(`${what}:\\s+(\\d+)`).exec(readFileSync(`/proc/${child.pid}/status`, 'utf8'))![1]) / 1024,
  );

const get = (path: string) =>
  fetch(`${url}/api/v1${path}`, { headers: { 'X-API-Key': key, 'Accept-Encoding': 'identity' } });

/** Every byte of the answer is read and thrown away. */
async function read(path: string): Promise<{ readonly ms: number; readonly bytes: number; readonly lines: number }> {
  const startedAt = performance.now();
  const response = await get(path);
  if (!response.ok) throw new Error(`${path}: ${response.status} ${await response.text()}`);
  let bytes = 0;
  let lines = 0;
  for await (const chunk of response.body!) {
    bytes += chunk.length;
    for (let at = chunk.indexOf(10); at >= 0; at = chunk.indexOf(10, at + 1)) lines++;
  }
  return { ms: performance.now() - startedAt, bytes, lines };
}

/** What somebody else waits for a small answer while `work` runs. */
async function beside<T>(work: Promise<T>): Promise<{ readonly result: T; readonly waits: readonly number[] }> {
  let over = false;
  const ended = work.finally(() => {
    over = true;
  });
  const waits: number[] = [];
  while (!over) waits.push((await read('/cluster/config')).ms);
  return { result: await ended, waits: waits.sort((a, b) => a - b) };
}

async function repeated(path: string, times: number): Promise<number> {
  const taken: number[] = [];
  for (let n = 0; n < times; n++) taken.push((await read(path)).ms);
  return median(taken.sort((a, b) => a - b));
}

const middle = Buffer.from(JSON.stringify(['audit.list', records])).toString('base64url');
const newestMs = await repeated('/audit?limit=100', 20);
const middleMs = await repeated(`/audit?limit=100&cursor=${middle}`, 5);
const rareMs = await repeated('/audit?limit=100&actor=nobody', 3);
// The peak from here on: writing the log was not the console's work.
writeFileSync(`/proc/${child.pid}/clear_refs`, '5');
const idleMB = residentMB('VmRSS');
const quiet = (await beside(read('/audit?limit=100'))).waits;
const quietMs = quiet.length > 0 ? median(quiet) : null;
const rows: (readonly [string, ...(string | number | null)[]])[] = [];
for (const [what, path] of [
  ['export, NDJSON', '/audit?format=ndjson'],
  ['export, CSV', '/audit?format=csv'],
  ['check of the chain', '/audit/verify'],
] as const) {
  const { result, waits } = await beside(read(path));
  const whole = path.includes('format') ? result.lines - (path.includes('csv') ? 1 : 0) : null;
  if (whole !== null && whole !== records) throw new Error(`${what}: ${whole} records of ${records}`);
  rows.push([
    what,
    Math.round(result.ms),
    Math.round(result.bytes / 2 ** 20),
    Math.round((records / result.ms) * 1000),
    median(waits),
    percentile(waits, 0.95),
    waits.at(-1)!,
  ]);
}
const peakMB = residentMB('VmHWM');
child.kill('SIGTERM');
await new Promise((resolve) => child.once('exit', resolve));

say(
  `${records} records, ${Math.round(logBytes / 2 ** 20)} MB of log; start ${Math.round(startMs)} ms; resident ${idleMB} MB, at most ${peakMB} MB`,
);
say(
  table(
    ['page of 100', 'median ms'],
    [
      ['newest', newestMs],
      ['from the middle of the year', middleMs],
      ['filter that fits nothing: the whole log is looked through', rareMs],
    ],
  ),
);
say('');
say(
  table(
    ['in one pass', 'ms', 'MB', 'records/s', 'another caller p50 ms', 'p95 ms', 'max ms'],
    rows.map((row) => [...row]),
  ),
);
say(
  saveJson('audit', { facts, records, logBytes, startMs, newestMs, middleMs, rareMs, quietMs, idleMB, peakMB, rows }),
);
