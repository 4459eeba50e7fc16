import { readdirSync, readFileSync } from 'node:fs';
import { dirname, join, relative } from 'node:path';
import { fileURLToPath } from 'node:url';
import { describe, expect, it } from 'vitest';

const root = join(dirname(fileURLToPath(import.meta.url)), '../..');

/** What follows a link, waits for a FIFO, or walks through a tree while its owner changes it. With `Sync` and without. */
const byPath = [
  ...[
    'open',
    'readFile',
    'writeFile',
    'appendFile',
    'createReadStream',
    'createWriteStream',
    'copyFile',
    'cp',
    'truncate',
  ],
  ...['chown', 'lchown', 'chmod', 'utimes', 'rm', 'rmdir', 'link', 'symlink', 'opendir'],
];

const proc = '/proc, which is the kernel’s';
const launcherOwn = 'the data directory of the installation, which the launcher’s own user owns';

/** Who names paths all the same, and where they lie: never where PostgreSQL's user may put something. */
const exceptions: Readonly<Record<string, { readonly uses: readonly string[]; readonly where: string }>> = {
  'engine/node/resource-sampler.ts': { uses: ['readFile', 'readFileSync'], where: proc },
  'engine/postgres/recovery-progress.ts': { uses: ['readFileSync'], where: proc },
  'engine/postgres/process-sight.ts': { uses: ['readFileSync'], where: proc },
  'engine/postgres/processes.ts': { uses: ['readFileSync'], where: proc },
  'engine/postgres/settings-trial.ts': { uses: ['readFile'], where: '/proc/meminfo' },
  'engine/postgres/clone-files.ts': {
    uses: ['lchown', 'symlink'],
    where: 'links in a clone in the making, which only we can enter until it is handed over',
  },
  'engine/postgres/initdb.ts': { uses: ['open'], where: 'to sync what is there: no link followed, no FIFO waited for' },
  'engine/postgres/guardian.ts': {
    uses: ['readFileSync', 'rmSync'],
    where: 'its options and its socket, in a directory of our own',
  },
  'engine/postgres/guardian-link.ts': {
    uses: ['link', 'readFile'],
    where: '/proc; a name in our own directory for a guardian’s socket, looked at afterwards',
  },
  'engine/postgres/log-keeper.ts': {
    uses: ['open'],
    where:
      'the log directory, entered by inDirectory: no link followed, no FIFO waited for, one name only; startup.log, which is ours',
  },
  'engine/postgres/native.ts': { uses: ['readFileSync', 'symlinkSync'], where: 'the shipped programs, /etc/passwd' },
  'engine/runtime/bundle-release.ts': { uses: ['readFileSync'], where: 'the programs of this release' },
  'engine/runtime/forget-secrets.ts': { uses: ['openSync', 'readFileSync'], where: proc },
  'engine/postgres/listen-queue.ts': { uses: ['readFileSync'], where: proc },
  'engine/runtime/postgres-user.ts': { uses: ['readFileSync'], where: 'the data directory, which is root’s' },
  'engine/runtime/start-settings.ts': {
    uses: ['readFileSync'],
    where: 'what whoever starts the installation names: the secrets of its first start',
  },
  'engine/runtime/native-postgres.ts': {
    uses: ['chmodSync', 'cpSync', 'rmSync', 'symlinkSync'],
    where: 'a directory below /var/tmp that is refused unless it is ours; the data directory of the installation',
  },
  ...Object.fromEntries(
    (
      [
        ['data-directory', ['readFileSync', 'rmSync', 'writeFileSync']],
        ['installation', ['readFileSync']],
        ['left-guardians', ['readFileSync']],
        ['membership-watch', ['readFileSync']],
        ['ports', ['readFileSync']],
        ['process-config', ['readFileSync']],
        ['secrets', ['chmodSync', 'readFileSync']],
        ['stopped-nodes', ['openSync']],
        ['supervised-process', ['openSync', 'rmSync']],
        ['topology', ['readFileSync']],
        ['upgrade-look', ['readFileSync']],
      ] as const
    ).map(([name, uses]) => [`engine/runtime/${name}.ts`, { uses, where: launcherOwn }]),
  ),
};

describe('paths that PostgreSQL’s user may change', () => {
  const found = new Map<string, readonly string[]>();
  for (const path of ['engine/postgres', 'engine/node', 'engine/runtime'].flatMap((top) => sources(join(root, top)))) {
    const uses = usesIn(readFileSync(path, 'utf8'));
    if (uses.length > 0) found.set(relative(root, path), uses);
  }

  it('are reached through foreign-files.ts only: who names other paths is listed with where they lie', () => {
    const unnamed = [...found].flatMap(([file, uses]) =>
      uses.filter((use) => !exceptions[file]?.uses.includes(use)).map((use) => `${file}: ${use}`),
    );
    expect(unnamed).toEqual([]);
  });

  it('have no exception that nobody needs', () => {
    const idle = Object.entries(exceptions).flatMap(([file, { uses }]) =>
      uses.filter((use) => !found.get(file)?.includes(use)).map((use) => `${file}: ${use}`),
    );
    expect(idle).toEqual([]);
  });

  it.each([
    ["import { chown as give, lstat } from 'node:fs/promises';", ['chown']],
    ["import fs, { rmSync } from 'fs';", ['all of fs', 'rmSync']],
    ["const fs = await import('node:fs');", ['all of fs']],
    ["import { type FileHandle, readdir } from 'node:fs/promises';", []],
  ])('are seen in %j', (source, expected) => {
    expect(usesIn(source)).toEqual(expected);
  });
});

function sources(directory: string): readonly string[] {
  return readdirSync(directory, { withFileTypes: true }).flatMap((entry) => {
    const path = join(directory, entry.name);
    if (entry.isDirectory()) return sources(path);
    return /\.ts$/.test(entry.name) && !/\.(test|bench)\.ts$|\.d\.ts$/.test(entry.name) ? [path] : [];
  });
}

function usesIn(source: string): readonly string[] {
  const uses = new Set<string>();
  for (const [, clause] of source.matchAll(/import\s+(?!type\b)([^;]*?)\s+from\s+'(?:node:)?fs(?:\/promises)?'/g)) {
    if (!/^\{[^}]*\}$/.test(clause!.trim())) uses.add('all of fs');
    const names = /\{([^}]*)\}/.exec(clause!)?.[1] ?? '';
    for (const name of names.split(',').map((one) => one.trim().split(/\s+as\s+/)[0]!))
      if (byPath.includes(name.replace(/Sync$/, ''))) uses.add(name);
  }
  if (/(?:require|import)\(\s*'(?:node:)?fs(?:\/promises)?'/.test(source)) uses.add('all of fs');
  return [...uses];
}
