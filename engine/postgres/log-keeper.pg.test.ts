import { lstatSync, mkdirSync, readdirSync, readFileSync, symlinkSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, afterEach, beforeAll, expect, it } from 'vitest';
import { pollUntil } from '../kernel/async';
import { PgFixture } from '../testing/pg-fixture';

const megabyte = 1024 * 1024;
const limit = 16 * megabyte;

let fixture: PgFixture;
beforeAll(async () => {
  fixture = await PgFixture.create();
}, 60_000);
afterEach(() => fixture.reset(), 60_000);
afterAll(() => fixture.close(), 60_000);

async function limited(id: string) {
  const { proxy, ...configuration } = await fixture.configuration(id);
  const server = fixture.attach({ ...configuration, logBytes: limit });
  await server.bootstrap();
  await server.start('primary', { serveForMs: 600_000, timeoutMs: 30_000 });
  fixture.remember(server.guardianPid());
  return { server, configuration, proxy };
}

function bytesIn(directory: string): number {
  return readdirSync(directory)
    .map((name) => lstatSync(join(directory, name)))
    .reduce((sum, found) => sum + (found.isFile() ? found.blocks * 512 : 0), 0);
}

it('what a role floods into the log stays below its limit, the newest lines readable, and is told with the role', async () => {
  const node = await limited('flooded');
  const { logDirectory, nodeDirectory } = node.configuration.paths;
  const secret = join(fixture.root, 'of-somebody-else');
  writeFileSync(secret, 'x'.repeat(megabyte));
  symlinkSync(secret, join(logDirectory, 'postgresql-Xyz.json'));
  mkdirSync(join(logDirectory, 'a-directory'));
  // What PostgreSQL's processes write past the log.
  writeFileSync(join(nodeDirectory, 'startup.log'), 'y'.repeat(20 * megabyte));
  const app = await fixture.client(node);
  // Between a quarter and half of the limit: PostgreSQL begins a new file, and what was before stays.
  await app.query(`DO $$ BEGIN FOR n IN 1..500 LOOP RAISE LOG '% %', n, repeat('x', 10000); END LOOP; END $$`);
  await pollUntil(
    async () => {
      await node.server.report();
      return readdirSync(logDirectory).some((name) => name.endsWith('.cut.json')) ? true : undefined;
    },
    { timeoutMs: 30_000, intervalMs: 20, what: 'the file of today is cut' },
  );
  let told: string | null = null;
  for (let megabytes = 0; megabytes < 100; megabytes += 3) {
    await app.query(`DO $$ BEGIN FOR n IN 1..300 LOOP RAISE LOG 'line % %', n, repeat('x', 10000); END LOOP; END $$`);
    await pollUntil(
      async () => {
        const report = await node.server.report();
        told = report.logTrouble ?? told;
        return bytesIn(logDirectory) <= limit ? true : undefined;
      },
      { timeoutMs: 30_000, intervalMs: 20, what: 'the log is below its limit' },
    );
  }
  await app.query(`DO $$ BEGIN RAISE LOG 'the last line'; END $$`);
  await pollUntil(
    async () => {
      const { lines } = await node.server.logs({ limit: 5, level: null, contains: 'the last line' });
      return lines.length > 0 ? true : undefined;
    },
    { timeoutMs: 30_000, intervalMs: 20, what: 'the newest line can be read' },
  );
  await pollUntil(
    async () => {
      await app.query(`DO $$ BEGIN FOR n IN 1..300 LOOP RAISE LOG '% %', n, repeat('x', 10000); END LOOP; END $$`);
      told = (await node.server.report()).logTrouble ?? told;
      return told ?? undefined;
    },
    { timeoutMs: 60_000, intervalMs: 20, what: 'the flood is told' },
  );
  expect(told).toMatch(/being flooded, most of it by role app in database app\. It is kept to 16 MB/);
  expect(readFileSync(secret, 'utf8')).toHaveLength(megabyte);
  expect(lstatSync(join(nodeDirectory, 'startup.log')).blocks * 512).toBeLessThan(17 * megabyte);
  await app.end();
  await node.proxy.close();
});
