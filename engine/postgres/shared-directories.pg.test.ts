/** Members of one host and a tablespace: replay makes the standby's link lead to its primary's own files. */
import { chownSync, mkdirSync, readdirSync, rmSync, symlinkSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, beforeAll, expect, it } from 'vitest';
import { pollUntil } from '../kernel/async';
import { PgFixture, type TestNode } from '../testing/pg-fixture';
import { superuserOf } from '../testing/superuser';
import { processesIn } from './processes';

let fixture: PgFixture;
beforeAll(async () => {
  fixture = await PgFixture.create();
});
afterAll(() => fixture.close());

function place(name: string, node: TestNode): string {
  const directory = join(fixture.root, name);
  mkdirSync(directory, { mode: 0o700 });
  const owner = node.configuration.runAs;
  if (owner) chownSync(directory, owner.uid, owner.gid);
  return directory;
}

const running = (node: TestNode) => processesIn(node.configuration.paths.dataDirectory).length > 0;
const untilStopped = (node: TestNode) =>
  pollUntil(() => (running(node) ? undefined : true), {
    timeoutMs: 10_000,
    intervalMs: 5,
    what: 'the standby is ended',
  });

it('a standby that replays its primary’s tablespace ends before it writes there, does not start again, and follows as a fresh copy', async () => {
  const primary = await fixture.primary('ts-primary');
  const standby = await fixture.standby('ts-standby', primary);
  const admin = await superuserOf(primary);
  await admin.query(`CREATE TABLESPACE ts LOCATION '${place('ts', primary)}'`);
  await untilStopped(standby);
  expect(standby.server.sharedFiles()).toMatch(/pg_tblspc\/\d+ leads to .*\/ts, which ts-primary uses as well/);
  await expect(standby.server.start('standby', { slot: 'rustydb_ts_standby', timeoutMs: 5000 })).rejects.toMatchObject({
    code: 'CONFLICT',
    message: expect.stringMatching(/Two members of this host would write the same files/),
  });
  await admin.query("CREATE TABLE public.t TABLESPACE ts AS SELECT n, 'v1' AS v FROM generate_series(1, 2000) n");
  const copy = { slot: 'rustydb_ts_standby', onProgress: () => undefined, signal: new AbortController().signal };
  await standby.server.baseBackup(copy);
  await standby.server.start('standby', { slot: 'rustydb_ts_standby', timeoutMs: 30_000 });

  // The public case: what a standby writes back from an earlier state must not reach the primary's files.
  const reader = await superuserOf(standby);
  await reader.query('SELECT pg_wal_replay_pause()');
  await admin.query("UPDATE public.t SET v = 'v2'");
  await admin.query('CHECKPOINT');
  await reader.query('CHECKPOINT');
  await primary.server.killAll();
  await primary.server.start('primary', { serveForMs: 600_000, timeoutMs: 30_000 });
  const again = await superuserOf(primary);
  expect((await again.query('SELECT v, count(*)::int AS n FROM public.t GROUP BY v')).rows).toEqual([
    { v: 'v2', n: 2000 },
  ]);
  for (const client of [admin, reader, again]) await client.end().catch(() => undefined);
});

it('a promoted standby keeps its own tablespace, and the former primary its own', async () => {
  const primary = await fixture.primary('pr-primary');
  const admin = await superuserOf(primary);
  await admin.query(`CREATE TABLESPACE ts LOCATION '${place('pr', primary)}'`);
  await admin.query('CREATE TABLE public.t TABLESPACE ts AS SELECT n FROM generate_series(1, 2000) n');
  await admin.end();
  const standby = await fixture.standby('pr-standby', primary);
  await primary.server.stop('fast', 10_000);
  await standby.server.setRole('primary', 600_000);
  await standby.server.promote(30_000);
  const now = await superuserOf(standby);
  expect((await now.query('SELECT count(*)::int AS n FROM public.t')).rows).toEqual([{ n: 2000 }]);
  // A new one is the new primary's alone: who leads is not ended for it.
  await now.query(`CREATE TABLESPACE other LOCATION '${place('pr-other', standby)}'`);
  await now.query('CREATE TABLE public.o TABLESPACE other AS SELECT n FROM generate_series(1, 2000) n');
  expect(running(standby)).toBe(true);
  await now.end();
});

it('a primary does not start on files that a running member writes', async () => {
  const one = await fixture.primary('link-one');
  const other = await fixture.node('link-other');
  await other.server.bootstrap();
  const shared = place('link', one);
  for (const node of [one, other])
    symlinkSync(shared, join(node.configuration.paths.dataDirectory, 'pg_tblspc', '99999'));
  const start = () => other.server.start('primary', { serveForMs: 600_000, timeoutMs: 30_000 });
  await expect(start()).rejects.toThrow(/link-one uses as well/);
  for (const node of [one, other]) rmSync(join(node.configuration.paths.dataDirectory, 'pg_tblspc', '99999'));
  await start();
  expect(readdirSync(shared)).toEqual([]);
});
