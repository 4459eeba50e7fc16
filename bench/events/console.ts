/** The console of bench:events: the real engine client, server and event sockets, without pages. `console.ts <json>`. */
import pino from 'pino';
import { EngineConnection } from '../../engine/interconnect/engine-connection';
import { compose } from '../../server/compose';
import { ConnectedEngine } from '../../server/engine-client/connected-engine';
import { ConsoleHttpServer } from '../../server/surfaces/http-server';

const config = JSON.parse(process.argv[2]!) as {
  port: number;
  clusterId: string;
  secret: string;
  dataDirectory: string;
  seeds: { nodeId: string; host: string; port: number }[];
};
const logger = pino({ level: 'silent' });
const engine = new ConnectedEngine(
  new EngineConnection({ kind: 'console', name: 'bench', ...config, logger }),
  config.seeds,
  logger,
);
await engine.start();
const composed = await compose({
  engine,
  dataDirectory: config.dataDirectory,
  sessionSecret: 'a session secret of a benchmark',
  secureCookies: false,
  logger,
  facts: {
    clusterId: config.clusterId,
    clusterName: 'bench',
    rehearsalEnabled: false,
    appPassword: async () => 'none',
  },
});
const http = new ConsoleHttpServer({
  services: composed.services,
  pages: null,
  system: { metricsAnonymousOnLoopback: false },
  logger,
});
await http.listen(config.port, '127.0.0.1');
process.send!('listening');
process.on('SIGTERM', async () => {
  await http.close();
  await engine.stop();
  await composed.close();
  process.exit(0);
});
