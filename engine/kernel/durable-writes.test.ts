import { readdirSync, readFileSync } from 'node:fs';
import { dirname, join, relative } from 'node:path';
import { fileURLToPath } from 'node:url';
import { describe, expect, it } from 'vitest';

const root = join(dirname(fileURLToPath(import.meta.url)), '../..');

/** What makes, changes or renames a file without saying whether it is on disk. */
const writers = [
  ...['appendFile', 'copyFile', 'cp', 'createWriteStream', 'link', 'rename', 'symlink', 'truncate', 'writeFile'],
  ...['appendFileSync', 'copyFileSync', 'cpSync', 'ftruncateSync', 'linkSync', 'renameSync', 'symlinkSync'],
  ...['truncateSync', 'writeFileSync', 'writeSync'],
];

/**
 * Who may all the same, and why. Everything else that must survive a power cut goes through `durable-file.ts`, or through what shells get from outside
 * (`small-files.ts`, `disk.ts`).
 */
const exceptions: Readonly<Record<string, { readonly uses: readonly string[]; readonly why: string }>> = {
  'engine/kernel/durable-file.ts': { uses: ['rename'], why: 'the helper itself' },
  'engine/kernel/small-files.ts': {
    uses: ['renameSync', 'writeSync', "open 'a'"],
    why: 'the files of shells that a simulation runs; sync is part of the interface',
  },
  'engine/kernel/disk.ts': {
    uses: ['rename', 'truncate', "open 'a'", "open 'wx'"],
    why: 'the disk of the control store; sync is part of the interface',
  },
  'engine/postgres/clone-files.ts': {
    uses: ['symlink'],
    why: 'a clone in the making: synced as a tree before its rename',
  },
  'engine/postgres/guardian-link.ts': {
    uses: ['link'],
    why: 'the socket of a guardian that runs: of no use to another life of the host',
  },
  'engine/postgres/log-keeper.ts': { uses: ['rename'], why: 'cuts a log for people' },
  'engine/postgres/native.ts': { uses: ['symlinkSync'], why: 'links to the shipped programs: made anew where missing' },
  'engine/runtime/data-directory.ts': {
    uses: ['writeFileSync'],
    why: 'pid files and a probe for room: of no use to another life of the host',
  },
  'engine/runtime/forget-secrets.ts': {
    uses: ['writeSync', "openSync 'r+'"],
    why: 'its own memory, in which the secrets of the first start stood',
  },
  'engine/runtime/native-postgres.ts': {
    uses: ['cpSync', 'renameSync', 'symlinkSync'],
    why: 'a copy of the shipped programs below /var/tmp: made anew where missing',
  },
  'engine/runtime/supervised-process.ts': { uses: ['renameSync', "openSync 'a'"], why: 'text logs for people' },
  'server/audit/segments.ts': {
    uses: ["open 'a'"],
    why: 'opens the audit log, whose name it syncs; its writer syncs each line',
  },
  'server/audit/writer.ts': { uses: ['truncate'], why: 'cuts half a line; the line that says so is synced behind it' },
  'server/surfaces/snapshots.ts': { uses: ['writeFileSync'], why: 'a tool of developers' },
};

describe('what must survive a power cut', () => {
  const found = new Map<string, ReadonlySet<string>>();
  for (const path of ['engine', 'server', 'cli'].flatMap((top) => sources(join(root, top)))) {
    const uses = usesIn(readFileSync(path, 'utf8'));
    if (uses.size > 0) found.set(relative(root, path), uses);
  }

  it('is written by the helpers only: other writers are named with their reason', () => {
    const unnamed = [...found].flatMap(([file, uses]) =>
      [...uses].filter((use) => !exceptions[file]?.uses.includes(use)).map((use) => `${file}: ${use}`),
    );
    expect(unnamed).toEqual([]);
  });

  it('has no exception that nobody needs', () => {
    const idle = Object.entries(exceptions).flatMap(([file, { uses }]) =>
      uses.filter((use) => !found.get(file)?.has(use)).map((use) => `${file}: ${use}`),
    );
    expect(idle).toEqual([]);
  });

  it.each([
    ["import { rename as move } from 'node:fs/promises';", ['rename']],
    ["import fs, { readFileSync, writeFileSync } from 'fs';", ['all of fs', 'writeFileSync']],
    ["import * as files from 'node:fs/promises';", ['all of fs']],
    ["const fs = require('node:fs');", ['all of fs']],
    ["const fs = await import('node:fs');", ['all of fs']],
    [
      "import { open } from 'node:fs/promises';\nawait open(path, 'r');\nawait open(join(a, b), 'ax', 0o600);",
      ["open 'ax'"],
    ],
    ["import { type FileHandle, readFile } from 'node:fs/promises';", []],
  ])('sees the writers of %j', (source, expected) => {
    expect([...usesIn(source)].sort()).toEqual([...expected].sort());
  });
});

function sources(directory: string): readonly string[] {
  return readdirSync(directory, { withFileTypes: true }).flatMap((entry) => {
    const path = join(directory, entry.name);
    if (entry.isDirectory())
      return ['testing', 'sim', 'group-sim', 'node_modules'].includes(entry.name) ? [] : sources(path);
    return /\.tsx?$/.test(entry.name) && !/\.(test|bench)\.tsx?$|\.d\.ts$/.test(entry.name) ? [path] : [];
  });
}

function usesIn(source: string): ReadonlySet<string> {
  const uses = new Set<string>();
  const fromFs = /import\s+(?!type\b)([^;]*?)\s+from\s+'(?:node:)?fs(?:\/promises)?'/g;
  for (const [, clause] of source.matchAll(fromFs)) {
    const names = /\{([^}]*)\}/.exec(clause!)?.[1] ?? '';
    if (
      clause!
        .replace(/\{[^}]*\}/, '')
        .replace(',', '')
        .trim() !== ''
    )
      uses.add('all of fs');
    for (const name of names.split(',')) {
      const imported = name.trim().split(/\s+as\s+/)[0]!;
      if (writers.includes(imported)) uses.add(imported);
    }
  }
  if (/(?:require|import)\(\s*'(?:node:)?fs(?:\/promises)?'/.test(source)) uses.add('all of fs');
  for (const [, call, flags] of source.matchAll(/\b(open(?:Sync)?)\((?:[^()]|\([^()]*\))*?,\s*'([rwax+s]+)'/g))
    if (/[wa+]/.test(flags!)) uses.add(`${call} '${flags}'`);
  return uses;
}
