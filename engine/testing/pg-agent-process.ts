/**
 * An agent reduced to its duty towards the guardian, as a process of its own that tests kill and freeze: starts a primary, pushes deadlines. One that
 * stands by does so at the first word on its input.
 */
import { once } from 'node:events';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import type { PostgresConfiguration } from '../postgres/api';
import { PgServer } from '../postgres/server';
import { proveSight } from '../postgres/sight-proof';

const { configuration, leaseMs, standsBy } = JSON.parse(readFileSync(process.argv[2]!, 'utf8')) as {
  configuration: PostgresConfiguration;
  leaseMs: number;
  standsBy?: boolean;
};
const server = new PgServer(configuration);
server.onExit((exit) => process.stdout.write(`${JSON.stringify({ exit })}\n`));
await proveSight(join(configuration.paths.nodeDirectory, 'sight'), configuration.runAs).catch((error: Error) => {
  process.stdout.write(`${JSON.stringify({ refused: error.message })}\n`);
  process.exit(78);
});
if (standsBy) {
  process.stdout.write(`${JSON.stringify({ ready: true })}\n`);
  await once(process.stdin, 'data');
  process.stdin.destroy();
}
const adopted = await server.adopt();
const pushing = setInterval(() => server.pushDeadline(leaseMs), 250);
if (!adopted) await server.start('primary', { serveForMs: leaseMs, timeoutMs: 30_000 });
else server.pushDeadline(leaseMs);
process.stdout.write(
  `${JSON.stringify({ started: { guardian: server.guardianPid(), postmaster: server.postmasterPid(), adopted: adopted !== null } })}\n`,
);
process.on('SIGTERM', () => {
  clearInterval(pushing);
  void server.close().then(() => process.exit(0));
});
