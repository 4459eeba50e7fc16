/**
 * The fuzzed console as a process of its own; answers each line on stdin with its memory after a collection, and
 * with what it holds for whoever is connected.
 */
import { createInterface } from 'node:readline';
import { heldBy, startFuzzedConsole } from './world';

const console_ = await startFuzzedConsole();
console.log(JSON.stringify({ url: console_.url, keys: console_.keys }));
for await (const _line of createInterface({ input: process.stdin })) {
  (globalThis as { gc?: () => void }).gc?.();
  const { heapUsed, rss } = process.memoryUsage();
  console.log(JSON.stringify({ heapUsed, rss, held: await heldBy(console_) }));
}
await console_.stop();
process.exit(0);
