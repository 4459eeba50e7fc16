/** A console with its pages over a recorded engine of N nodes that change ten times a second; child process of bench/page.ts. Arguments: nodes, directory. */
import { mountPages } from '@/server/surfaces/pages';
import { adminPassword, startConsole } from '@/server/testing/console-fixture';
import { largeView } from '@/server/testing/recorded-view';

const count = Number(process.argv[2] ?? 1000);
const changesPerSecond = 10;
const changedNodes = 30;
const unlimited = { points: 1_000_000, seconds: 1 };
// The measuring process may be killed: nothing of it stays.
process.on('disconnect', () => process.exit());
const pages = await mountPages({ dev: false, host: '127.0.0.1', port: 0, directory: process.argv[3] ?? '.' });
const started = await startConsole({ rateLimits: { read: unlimited, node: unlimited }, withAdmin: true, pages });
started.engine.view = largeView(count);
let round = 0;
setInterval(() => {
  round++;
  started.engine.change((view) => ({
    nodes: view.nodes.map((node, index) => {
      if ((index + round * 7) % Math.ceil(count / changedNodes) !== 0 || !node.report) return node;
      const { postgres } = node.report;
      const lsn = `0/${(0x3000000 + round * 8192).toString(16).toUpperCase()}`;
      const changed = { ...postgres, lsn, connections: 3 + (round % 9), transactionsPerSecond: 100 + (round % 50) };
      return { ...node, report: { ...node.report, cpuPercent: (round * 3 + index) % 100, postgres: changed } };
    }),
  }));
}, 1_000 / changesPerSecond);
process.send?.({ url: started.url, username: 'admin', password: adminPassword });
