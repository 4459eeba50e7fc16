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
  const moved = (id: string) =>
    (Number(id.slice('node-'.length)) - 1 + round * 7) % Math.ceil(count / changedNodes) === 0;
  started.engine.change((view) => ({
    // What a node's report tells anew: the WAL it is sent and its round trips.
    links: view.links.map((link) => {
      if (!moved(link.kind === 'replication' ? link.to : link.from)) return link;
      return link.kind === 'replication'
        ? { ...link, lagBytes: (round % 9) * 1_000, bytesPerSecond: 10 ** (3 + (round % 4)) }
        : { ...link, rttUs: 60 + (round % 40) };
    }),
    nodes: view.nodes.map((node, index) => {
      if (!moved(node.record.id) || !node.report) return node;
      const { postgres } = node.report;
      const lsn = `0/${(0x3000000 + round * 8192).toString(16).toUpperCase()}`;
      const changed = { ...postgres, lsn, connections: 3 + (round % 9), transactionsPerSecond: 100 + (round % 50) };
      return { ...node, report: { ...node.report, cpuPercent: (round * 3 + index) % 100, postgres: changed } };
    }),
  }));
}, 1_000 / changesPerSecond);
process.send?.({ url: started.url, username: 'admin', password: adminPassword });
