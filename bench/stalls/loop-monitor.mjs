/**
 * Loaded into every process of an installation with NODE_OPTIONS=--import: writes each agent's longest block of the main thread, second by second. Not
 * the agent's own figure, so that the product doesn't measure itself.
 */
import { appendFileSync } from 'node:fs';
import { monitorEventLoopDelay } from 'node:perf_hooks';

const resolutionMs = 5;
const directory = process.env.RUSTYDB_STALLS;
if (directory && process.argv[1]?.endsWith('/agent.mjs')) {
  const histogram = monitorEventLoopDelay({ resolution: resolutionMs });
  histogram.enable();
  setInterval(() => {
    const ms = Math.max(0, histogram.max / 1e6 - resolutionMs);
    const line = JSON.stringify({ at: Date.now(), pid: process.pid, ms: Math.round(ms * 10) / 10 });
    histogram.reset();
    appendFileSync(`${directory}/${process.pid}.jsonl`, `${line}\n`);
  }, 1_000).unref();
}
