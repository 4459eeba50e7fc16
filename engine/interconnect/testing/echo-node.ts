/** A node in a process of its own, for tests that freeze or kill it. Tells its address on stdout; ends when stdin does. */
import { TcpInterconnect } from '../tcp-interconnect';
import { nodeIdentity, silent, testCluster, testSecret } from './mesh';

const node = new TcpInterconnect({
  self: nodeIdentity('frozen'),
  clusterId: testCluster,
  secret: testSecret,
  listen: { host: '127.0.0.1', port: Number(process.argv[2] ?? 0) },
  logger: silent,
});
node.onRequest('echo', (payload) => payload);
process.stdin.on('end', () => process.exit(0)).resume();
process.stdout.write(`${JSON.stringify(await node.start())}\n`);
