/** The server of bench:overhead: a console over a recording, a bare HTTP and WebSocket server, and the procedure called directly. */
import { createServer } from 'node:http';
import { WebSocketServer } from 'ws';
import { getConfig } from '../../server/procedures/cluster/get-config';
import type { ProcedureContext } from '../../server/procedures/context';
import { startConsole } from '../../server/testing/console-fixture';

const plenty = { points: 1_000_000, seconds: 1 };
const fixture = await startConsole({ rateLimits: { read: plenty, node: plenty } });
const body = JSON.stringify(fixture.engine.view.config);
const bare = createServer((_request, response) => {
  response.writeHead(200, { 'Content-Type': 'application/json', 'Content-Length': Buffer.byteLength(body) }).end(body);
});
new WebSocketServer({ server: bare, perMessageDeflate: false }).on('connection', (client) => {
  client.on('message', () => client.send(body));
});
await new Promise<void>((resolve) => bare.listen(0, '127.0.0.1', resolve));

process.on('message', async ({ calls, warmUp }: { calls: number; warmUp: number }) => {
  const context = { ...fixture.services, identity: { kind: 'anonymous' } } as unknown as ProcedureContext;
  const taken: number[] = [];
  for (let n = 0; n < warmUp + calls; n++) {
    const startedAt = performance.now();
    await getConfig.handler({ input: getConfig.input.parse({}), context });
    if (n >= warmUp) taken.push(performance.now() - startedAt);
  }
  process.send!(taken.sort((a, b) => a - b));
});
process.on('SIGTERM', () => void fixture.stop().then(() => process.exit(0)));
process.send!({
  port: Number(new URL(fixture.url).port),
  barePort: (bare.address() as { port: number }).port,
  key: fixture.keys.viewer,
});
