import { readdir, readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { PgFixture, type TestNode } from '../testing/pg-fixture';

let fixture: PgFixture;
let node: TestNode;
beforeAll(async () => {
  fixture = await PgFixture.create();
  node = await fixture.primary('node-1');
}, 120_000);
afterAll(() => fixture.close());

describe('whether PostgreSQL would start with settings', () => {
  const refused: readonly [Record<string, string | null>, string][] = [
    [
      { shared_preload_libraries: 'pg_stat_monitor' },
      'could not access file "pg_stat_monitor": No such file or directory',
    ],
    [{ work_mem: 'lots' }, 'invalid value for parameter "work_mem": "lots"'],
    [{ work_mem: '1' }, '1 kB is outside the valid range for parameter "work_mem" (64 kB .. 2147483647 kB)'],
    [{ io_method: 'io_uring' }, 'Available values: sync, worker'],
    [{ DateStyle: 'foo' }, 'Unrecognized key word: "foo"'],
    [
      { max_connections: '5' },
      '"superuser_reserved_connections" (5) plus "reserved_connections" (3) must be less than "max_connections" (5)',
    ],
    [{ max_connections: '262143' }, 'too many server processes configured'],
    [{ huge_pages: 'on', shared_buffers: '64MB' }, 'huge pages, the system has set aside'],
    [{ no_such_setting: '1' }, 'unrecognized configuration parameter "no_such_setting"'],
    [{ ssl: 'on' }, 'could not load server certificate file'],
  ];
  it.each(refused)('%j is refused in its own words', async (settings, words) => {
    expect((await node.server.checkSettings(settings)).refusal).toContain(words);
  });

  it('takes what it takes, tells how much memory it would ask for, and changes nothing', async () => {
    const { paths } = node.configuration;
    const file = () => readFile(join(paths.dataDirectory, 'postgresql.auto.conf'), 'utf8');
    const before = await file();
    const small = await node.server.checkSettings({ shared_preload_libraries: 'pg_stat_statements, auto_explain' });
    expect(small).toMatchObject({ refusal: null, hostMemoryBytes: expect.any(Number) });
    const huge = await node.server.checkSettings({ shared_buffers: '500GB', work_mem: null });
    expect(huge.refusal).toBeNull();
    expect(huge.sharedMemoryBytes! - small.sharedMemoryBytes!).toBeGreaterThan(499 * 1024 ** 3);
    expect(await file()).toBe(before);
    expect((await readdir(paths.nodeDirectory)).filter((name) => name.startsWith('settings-trial'))).toEqual([]);
    expect((await node.server.report()).state).toBe('primary');
  });

  it('a server that is stopped is asked the same, and gets settings into its file', async () => {
    await node.server.stop('fast', 10_000);
    expect((await node.server.checkSettings({ work_mem: 'lots' })).refusal).toContain('invalid value');
    expect(await node.server.applySettings({ work_mem: '11MB' })).toEqual({ pendingRestart: [] });
    await node.server.start('primary', { serveForMs: 600_000, timeoutMs: 20_000 });
    const settings = await node.server.settings();
    expect(settings.find(({ name }) => name === 'work_mem')?.value).toBe('11264');
  });
});
