import { execFileSync } from 'node:child_process';
import {
  chownSync,
  existsSync,
  mkdirSync,
  readdirSync,
  readFileSync,
  readlinkSync,
  renameSync,
  statSync,
  writeFileSync,
} from 'node:fs';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { PgFixture, type TestNode } from '../testing/pg-fixture';
import { superuserOf } from '../testing/superuser';
import { parseAutoConf } from './auto-conf';
import { readControlFile } from './control-data';
import { processesIn } from './processes';

let fixture: PgFixture;
let primary: TestNode;
beforeAll(async () => {
  fixture = await PgFixture.create();
  primary = await fixture.primary('source');
  const client = await fixture.client(primary);
  await client.query("CREATE TABLE big AS SELECT n, repeat('x', 900) AS filler FROM generate_series(1, 60000) AS n");
  await client.end();
  await primary.server.setSynchronousStandbys([], 1);
  await primary.server.applySettings({ work_mem: '5MB' });
});
afterAll(() => fixture.close());

const clone = (
  node: TestNode,
  signal = new AbortController().signal,
  onProgress: (bytes: number) => void = () => undefined,
) => {
  const slot = `rustydb_${node.configuration.nodeId.replaceAll('-', '_')}`;
  return node.server.baseBackup({ slot, onProgress, signal });
};

async function cloneTarget(id: string, directory?: string): Promise<TestNode> {
  const node = await fixture.node(id, directory);
  node.proxy.target = primary.configuration.port;
  return node;
}

describe('base backup', () => {
  it('clones as a standby, without the primary’s role, owned by the right user', async () => {
    await primary.server.setSynchronousStandbys([], 1);
    const node = await cloneTarget('copy');
    const seen: number[] = [];
    await clone(node, undefined, (bytes) => seen.push(bytes));
    expect(seen.at(-1)).toBeGreaterThan(50_000_000);
    const found = await node.server.inspect();
    expect(found).toMatchObject({ kind: 'present', standbySignal: true });
    const { dataDirectory } = node.configuration.paths;
    const settings = parseAutoConf(readFileSync(join(dataDirectory, 'postgresql.auto.conf'), 'utf8'));
    expect(settings.has('synchronous_standby_names')).toBe(false);
    // What an operator set for the group stays.
    expect(settings.get('work_mem')).toBe('5MB');
    if (node.configuration.runAs) expect(statSync(join(dataDirectory, 'base')).uid).toBe(node.configuration.runAs.uid);
    expect(readdirSync(node.configuration.paths.nodeDirectory).filter((name) => name.startsWith('pgdata.'))).toEqual(
      [],
    );
    await expect(node.server.start('primary', { serveForMs: 60_000, timeoutMs: 5000 })).rejects.toThrow(
      /standby.signal/,
    );
    await node.server.start('standby', { slot: 'rustydb_copy', timeoutMs: 10_000 });
    await node.server.waitForReplay(await primary.server.currentLsn(), 5000);
    await node.server.stop('fast', 5000);
  });

  it('an interrupted or cut clone leaves the old state as it was', async () => {
    const node = await cloneTarget('interrupted');
    await clone(node);
    const before = await readControlFile(node.configuration.paths.dataDirectory);
    const stop = new AbortController();
    // At the start of the archive: PostgreSQL reports progress once a second, so a later report may be the last.
    await expect(clone(node, stop.signal, (bytes) => bytes === 0 && stop.abort())).rejects.toThrow(/stopped/);
    const cutting = clone(node, undefined, (bytes) => bytes === 0 && node.proxy.cut());
    await expect(cutting).rejects.toThrow();
    expect(await readControlFile(node.configuration.paths.dataDirectory)).toEqual(before);
    expect(existsSync(`${node.configuration.paths.dataDirectory}.new`)).toBe(false);
    await clone(node);
  });

  it('finishes or undoes a swap that a crash cut in two', async () => {
    const node = await cloneTarget('swap');
    await clone(node);
    const { dataDirectory } = node.configuration.paths;
    renameSync(dataDirectory, `${dataDirectory}.old`);
    expect((await node.server.inspect()).kind).toBe('present');
    expect(existsSync(`${dataDirectory}.old`)).toBe(false);
  });

  it('never replaces another database, nor a newer copy, nor one that runs', async () => {
    const other = await fixture.primary('other');
    other.proxy.target = primary.configuration.port;
    await expect(clone(other)).rejects.toThrow(/still runs/);
    await other.server.stop('fast', 5000);
    await expect(clone(other)).rejects.toThrow(/another database/);
    expect((await other.server.inspect()).kind).toBe('present');
  });

  it('says what to do about a damaged or missing control file', async () => {
    const node = await cloneTarget('damaged');
    await clone(node);
    const path = join(node.configuration.paths.dataDirectory, 'global', 'pg_control');
    const bytes = readFileSync(path);
    bytes[40]! ^= 0xff;
    writeFileSync(path, bytes);
    await expect(node.server.inspect()).rejects.toThrow(/wrong checksum.*cloned again/);
    await expect(node.server.start('standby', { timeoutMs: 5000 })).rejects.toThrow(/wrong checksum/);
    writeFileSync(path, '');
    await expect(node.server.inspect()).rejects.toThrow(/cut short/);
    renameSync(path, `${path}.away`);
    await expect(node.server.inspect()).rejects.toThrow(/incomplete/);
    // A copy that can't be read is replaced by a healthy one.
    await clone(node);
    expect((await node.server.inspect()).kind).toBe('present');
  });

  it.runIf(process.getuid?.() === 0 && process.platform === 'linux')(
    'a full disk leaves the old state intact and says so',
    async () => {
      const mount = join(fixture.root, 'small');
      mkdirSync(mount);
      execFileSync('mount', ['-t', 'tmpfs', '-o', 'size=400m,mode=755', 'tmpfs', mount]);
      try {
        const node = await cloneTarget('full', join(mount, 'full'));
        await clone(node);
        const before = await readControlFile(node.configuration.paths.dataDirectory);
        const disk = execFileSync('df', ['--output=avail', '-B1', mount], { encoding: 'utf8' });
        const free = Number(disk.split('\n')[1]);
        // First: visibly too little room. Then: enough when it starts, gone while it runs.
        const ballast = join(mount, 'ballast');
        writeFileSync(ballast, Buffer.alloc(free - 60_000_000));
        await expect(clone(node)).rejects.toThrow(/free.*untouched/);
        writeFileSync(ballast, '');
        let filled = false;
        const filling = clone(node, undefined, (bytes) => {
          if (filled || bytes === 0 || bytes < 0) return;
          filled = true;
        });
        await filling;
        const room = Number(execFileSync('df', ['--output=avail', '-B1', mount], { encoding: 'utf8' }).split('\n')[1]);
        const starved = clone(node, undefined, (bytes) => {
          if (bytes === 0) writeFileSync(ballast, Buffer.alloc(room - 20_000_000));
        });
        await expect(starved).rejects.toThrow(/no space left.*untouched/);
        expect((await readControlFile(node.configuration.paths.dataDirectory)).systemIdentifier).toBe(
          before.systemIdentifier,
        );
        expect(existsSync(`${node.configuration.paths.dataDirectory}.new`)).toBe(false);
        expect(processesIn(node.configuration.paths.dataDirectory)).toEqual([]);
      } finally {
        execFileSync('umount', ['-l', mount]);
      }
    },
  );

  it('gives each member directories of its own for the primary’s tablespaces, and clears away those of earlier clones', async () => {
    const source = await fixture.primary('with-tablespace');
    const place = tablespacePlace(source, 'elsewhere');
    const client = await superuserOf(source);
    await client.query(`CREATE TABLESPACE elsewhere LOCATION '${place}'`);
    await client.query(
      "CREATE TABLE public.there TABLESPACE elsewhere AS SELECT n, 'v1' AS v FROM generate_series(1, 5000) n",
    );
    await client.end();
    const node = await fixture.node('own-tablespace');
    node.proxy.target = source.configuration.port;
    await clone(node);
    const links = join(node.configuration.paths.dataDirectory, 'pg_tblspc');
    const [oid = ''] = readdirSync(links);
    const first = readlinkSync(join(links, oid));
    expect(first.startsWith(join(node.configuration.paths.nodeDirectory, 'tablespaces'))).toBe(true);
    await clone(node);
    expect(existsSync(first)).toBe(false);
    expect(node.server.sharedFiles()).toBeNull();
    await node.server.start('standby', { slot: 'rustydb_own_tablespace', timeoutMs: 30_000 });
    const reader = await superuserOf(node);
    const { rows } = await reader.query("SELECT count(*)::int AS n FROM public.there WHERE v = 'v1'");
    await reader.end();
    expect(rows).toEqual([{ n: 5000 }]);
  });
});

function tablespacePlace(node: TestNode, name: string): string {
  const place = join(fixture.root, name);
  mkdirSync(place, { mode: 0o700 });
  const owner = node.configuration.runAs;
  if (owner) chownSync(place, owner.uid, owner.gid);
  return place;
}
