/** The retry pattern of docs/how-to/connect.md, executed as it stands there, while a COMMIT in flight loses its connection. */
import { spawn } from 'node:child_process';
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import { FakeCluster } from './testing/fake-cluster';
import { password, RealPostgres } from './testing/real-postgres';
import { eventually, TestRouter } from './testing/test-router';

const root = join(import.meta.dirname, '..', '..');
let postgres: RealPostgres;
let other: RealPostgres;
let router: TestRouter;
let directory: string;

function snippet(): string {
  const page = readFileSync(join(root, 'docs/how-to/connect.md'), 'utf8');
  const found = /```js\n(\/\/ once\.mjs\n[\s\S]*?)```/.exec(page);
  if (!found) throw new Error('docs/how-to/connect.md has no snippet once.mjs');
  return found[1]!;
}

/** Its output once it has ended well. */
async function run(port: number): Promise<string> {
  const file = join(directory, 'once.mjs');
  writeFileSync(file, snippet());
  const child = spawn(process.execPath, [file], {
    env: {
      PATH: process.env.PATH,
      PGHOST: '127.0.0.1',
      PGPORT: String(port),
      PGUSER: 'app',
      PGPASSWORD: password,
      PGDATABASE: 'postgres',
    },
    stdio: ['ignore', 'pipe', 'pipe'],
  });
  let output = '';
  child.stdout.on('data', (chunk: Buffer) => {
    output += chunk.toString();
  });
  child.stderr.on('data', (chunk: Buffer) => {
    output += chunk.toString();
  });
  await new Promise((resolve) => child.once('exit', resolve));
  return output.trim();
}

beforeAll(async () => {
  postgres = await RealPostgres.create('a');
  // A COMMIT of an order takes half a second, the first time.
  await postgres.query(`
    create table done_once (key uuid primary key, at timestamptz not null default now());
    create table orders (id int generated always as identity, what text);
    create sequence commits;
    create function slowly() returns trigger language plpgsql as
      'begin if nextval(''commits'') = 1 then perform pg_sleep(0.5); end if; return null; end';
    create constraint trigger slowly after insert on orders deferrable initially deferred
      for each row execute function slowly()`);
  other = await postgres.copy('b');
});
afterAll(async () => {
  await Promise.all([postgres?.remove(), other?.remove()]);
});
beforeEach(() => {
  // Inside the repository, so that the snippet finds `pg` as an application would.
  directory = mkdtempSync(join(root, 'node_modules', '.connect-docs-'));
});
afterEach(async () => {
  rmSync(directory, { recursive: true, force: true });
  await router?.stop();
});

async function loseTheCommit(cluster: FakeCluster, to: string): Promise<string> {
  cluster.primary('a');
  router = await TestRouter.start(cluster);
  const output = run(router.service('rw').port);
  await eventually('the commit is in flight', async () => {
    const rows = await postgres.query(
      "select 1 from pg_stat_activity where query = 'commit' and wait_event = 'PgSleep'",
    );
    return rows.length === 1;
  });
  cluster.set('a', { role: 'none', remainingMs: 0 });
  cluster.primary(to, 2);
  cluster.hint(to, 2);
  return output;
}

describe('a COMMIT whose connection ends', () => {
  it('and that was committed is not done twice', async () => {
    // Both names are one server: what the old session commits is there after the change.
    const output = await loseTheCommit(new FakeCluster({ a: postgres, same: postgres }), 'same');
    expect(output).toBe('was done by an earlier attempt');
    expect(await postgres.query('select what from orders')).toEqual([{ what: 'a chair' }]);
  });

  it('and that did not reach the new primary is done there', async () => {
    await postgres.query('alter sequence commits restart; truncate orders; truncate done_once');
    await other.query("select nextval('commits')");
    const output = await loseTheCommit(new FakeCluster({ a: postgres, b: other }), 'b');
    expect(output).toBe('done');
    expect(await other.query('select what from orders')).toEqual([{ what: 'a chair' }]);
  });
});
