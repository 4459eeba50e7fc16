import { mkdirSync, mkdtempSync, realpathSync, rmSync, symlinkSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, describe, expect, it } from 'vitest';
import { type Neighbour, sharedDirectories, sharedWith } from './shared-directories';

const root = realpathSync(mkdtempSync(join(tmpdir(), 'rustydb-shared-')));
afterAll(() => rmSync(root, { recursive: true }));

describe('directories that two members would write', () => {
  const own = { link: 'pg_tblspc/16400', path: '/fast/ts', identity: '1:7' };
  const neighbour = (outside: Neighbour['outside']): Neighbour => ({ node: 'node-2', directory: '/d/node-2', outside });

  it.each([
    ['the same tablespace', own, [own], 1],
    ['the same under another path (bind mount)', own, [{ ...own, path: '/mnt/ts' }], 1],
    ['another one', own, [{ ...own, identity: '1:8' }], 0],
    ['one that nobody else has', own, [], 0],
    ['inside the other’s own directory', { ...own, path: '/d/node-2/tablespaces/x/16400' }, [], 1],
    ['a node whose name begins alike', { ...own, path: '/d/node-21/tablespaces/x/16400' }, [], 0],
  ])('%s', (_, mine, theirs, count) => {
    expect(sharedWith([mine], [neighbour(theirs)])).toHaveLength(count);
  });

  it('are found by every link of a data directory that leads to a directory, of a stopped server too', () => {
    const place = (name: string) => {
      mkdirSync(join(root, name), { recursive: true });
      return join(root, name);
    };
    const data = (node: string) => place(`nodes/${node}/pgdata`);
    for (const node of ['node-1', 'node-2', 'node-3']) {
      for (const inside of ['pg_tblspc', 'base']) mkdirSync(join(data(node), inside), { recursive: true });
    }
    const wal = place('elsewhere/wal');
    const table = place('elsewhere/ts');
    const database = place('elsewhere/db');
    for (const node of ['node-1', 'node-2']) {
      symlinkSync(wal, join(data(node), 'pg_wal'));
      symlinkSync(table, join(data(node), 'pg_tblspc', node === 'node-1' ? '16400' : '17000'));
      symlinkSync(database, join(data(node), 'base', '5'));
      symlinkSync('/etc/hostname', join(data(node), 'postgresql.conf'));
    }
    symlinkSync(place('elsewhere/own'), join(data('node-3'), 'pg_tblspc', '16400'));
    expect(sharedDirectories(data('node-1'))).toEqual([
      { link: 'pg_wal', path: wal, node: 'node-2' },
      { link: 'pg_tblspc/16400', path: table, node: 'node-2' },
      { link: 'base/5', path: database, node: 'node-2' },
    ]);
    expect(sharedDirectories(data('node-3'))).toEqual([]);
    symlinkSync(join(data('node-3'), 'base'), join(data('node-1'), 'pg_logical'));
    expect(sharedDirectories(data('node-1'))).toContainEqual(
      expect.objectContaining({ link: 'pg_logical', node: 'node-3' }),
    );
  });
});
