/** A console over a recorded engine as a process, for measuring the API alone: `node --import tsx server/testing/recorded-server.ts [nodes]`. */
import { startConsole } from './console-fixture';
import { largeView } from './recorded-view';

const unlimited = { points: 1_000_000, seconds: 1 };
const console_ = await startConsole({ rateLimits: { read: unlimited, node: unlimited } });
const nodes = Number(process.argv[2] ?? 5);
if (nodes > 5) console_.engine.view = largeView(nodes);
// As under load: every revision is new, four times a second.
setInterval(() => console_.engine.change(() => ({})), 250);
console.log(JSON.stringify({ url: console_.url, key: console_.keys.viewer, pid: process.pid }));
process.on('SIGTERM', () => void console_.stop().then(() => process.exit(0)));
