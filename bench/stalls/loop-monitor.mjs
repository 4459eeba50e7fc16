/**
 * Loaded into every process of an installation with NODE_OPTIONS=--import: writes each agent's longest block of the main thread, second by second, and
 * the longest without the time in which the thread was ready and waited for a core (/proc/thread-self/schedstat, second figure). Not the agent's own
 * figure, so that the product doesn't measure itself.
 */
import { appendFileSync, closeSync, openSync, readSync } from 'node:fs';

const everyMs = 5;
const directory = process.env.RUSTYDB_STALLS;
if (directory && process.argv[1]?.endsWith('/agent.mjs')) {
  const buffer = Buffer.alloc(128);
  const file = openSync('/proc/thread-self/schedstat', 'r');
  const waitedMs = () => Number(buffer.toString('latin1', 0, readSync(file, buffer, 0, 128, 0)).split(' ')[1]) / 1e6;
  process.once('exit', () => closeSync(file));
  let last = performance.now();
  let lastWaited = waitedMs();
  let longest = 0;
  let longestOwn = 0;
  setInterval(() => {
    const now = performance.now();
    const waited = waitedMs();
    const gap = Math.max(0, now - last - everyMs);
    longest = Math.max(longest, gap);
    longestOwn = Math.max(longestOwn, gap - (waited - lastWaited));
    last = now;
    lastWaited = waited;
  }, everyMs).unref();
  const tenths = (ms) => Math.round(ms * 10) / 10;
  setInterval(() => {
    const line = JSON.stringify({ at: Date.now(), pid: process.pid, ms: tenths(longest), ownMs: tenths(longestOwn) });
    longest = 0;
    longestOwn = 0;
    appendFileSync(`${directory}/${process.pid}.jsonl`, `${line}\n`);
  }, 1_000).unref();
}
