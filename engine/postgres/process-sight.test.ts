import { describe, expect, it } from 'vitest';
import { countAttached, maySeeOthers, readLook } from './process-sight';

describe('capability to see other users’ processes', () => {
  it.each([
    ['all', '000001ffffffffff', true],
    ['all but SYS_PTRACE', '000001fffff7ffff', false],
    ['what Docker leaves', '00000000a80425fb', false],
    ['none', '0000000000000000', false],
  ])('%s', (_, effective, may) => {
    expect(maySeeOthers(`Name:\tnode\nCapPrm:\t000001ffffffffff\nCapEff:\t${effective}\nCapBnd:\t0\n`)).toBe(may);
  });

  it('is not assumed where the kernel says nothing', () => expect(maySeeOthers('Name:\tnode\n')).toBe(false));
});

describe('a look in another user’s name', () => {
  const wanted = { dev: 37n, ino: 4711n };

  it('finds by device and inode, and is complete if it saw itself', () => {
    const rows = ['37 1 /proc/self/cwd', '37 4711 /proc/12/cwd', '38 4711 /proc/13/cwd', '37 47110 /proc/14/cwd', ''];
    expect(readLook(rows.join('\n'), wanted)).toEqual({ pids: [12], complete: true });
  });

  it('that saw nothing proves nothing', () => {
    expect(readLook('', wanted)).toEqual({ pids: [], complete: false });
    expect(readLook('37 4711 /proc/12/cwd\n', wanted)).toEqual({ pids: [12], complete: false });
  });

  it('finds who works in a directory that was removed', () => {
    const rows = [
      "'/proc/self/cwd' -> '/'",
      "'/proc/12/cwd' -> '/d/pgdata (deleted)'",
      "'/proc/13/cwd' -> '/d/pgdata'",
    ];
    expect(readLook(rows.join('\n'), { removed: '/d/pgdata' })).toEqual({ pids: [12], complete: true });
  });
});

describe('attached to the shared memory of a data directory', () => {
  const header = '       key      shmid perms                  size  cpid  lpid nattch   uid   gid  cuid  cgid';
  const row = (key: number, id: number, maker: number, attached: number) =>
    `   ${key}      ${id}   600                    56 ${maker} ${maker}      ${attached} 65534 65534 65534 65534 1796006005`;
  const pidFile = (pid: number, key: number, id: number) =>
    `${pid}\n/d\n1700000000\n5432\n/s\n127.0.0.1\n${String(key).padStart(9)} ${String(id).padStart(9)}\nready   \n`;

  it.each([
    ['counts backends that outlive their postmaster', 42, 5000, 5000n, 2],
    ['counts a segment whose key was the next free one', 42, 5003, 5000n, 2],
    ['an inode of more than 32 bits', 42, 5000, 5000n + (7n << 32n), 2],
    ['not those of a server that made another segment under the same id', 43, 5000, 5000n, 0],
    ['not those of the directory that this one was copied from', 42, 5000, 900_000n, 0],
  ])('%s', (_, pid, key, inode, attached) => {
    expect(
      countAttached(pidFile(pid, key, 65), [header, row(5, 64, 42, 9), row(key, 65, 42, 2)].join('\n'), inode),
    ).toBe(attached);
  });

  it('a negative key of the kernel is PostgreSQL’s unsigned one', () => {
    const table = [header, row(-1000, 65, 42, 3)].join('\n');
    expect(countAttached(`42\n/d\n1\n5432\n/s\n*\n${4294967296 - 1000} 65\nready\n`, table, 4294966296n)).toBe(3);
  });

  it('a pid file that is being written names none', () => {
    expect(countAttached('42\n/d\n', header, 1n)).toBe(0);
  });
});
