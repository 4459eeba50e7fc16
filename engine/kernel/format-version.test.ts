import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { type FormatName, formats, newerFormat } from './format-version';
import { release } from './release';

describe('formats of files that survive', () => {
  it.each(Object.keys(formats) as FormatName[])(
    '%s: its own and older ones are read, newer ones refused with what to do',
    (name) => {
      const { version } = formats[name];
      for (const known of [undefined, 1, version]) expect(newerFormat('/data/file', name, known)).toBeNull();
      for (const newer of [version + 1, 99, '2', 0, 1.5, null])
        expect(newerFormat('/data/file', name, newer)).toMatch(
          new RegExp(
            `^/data/file has format .*this is release ${release}, which reads up to format ${version}.*start that one`,
          ),
        );
    },
  );

  /** Modules that write files and have no row, each with its reason. */
  const noRow: Readonly<Record<string, string>> = {
    'engine/kernel/disk.ts': 'the disk itself',
    'engine/kernel/small-files.ts': 'the disk itself',
    'engine/node/wal-source.ts': 'an address, worthless once its agent ended',
    'engine/node/founded.ts': 'a mark: that it is there says all',
    'engine/runtime/data-directory.ts': 'marks of running processes: worthless once they ended',
    'engine/runtime/native-postgres.ts': 'a copy of the programs',
    'engine/runtime/supervised-process.ts': 'logs of the processes',
    'engine/postgres/log-keeper.ts': 'files of PostgreSQL, by its major version',
    'engine/postgres/guardian.ts': 'the last exit, told once to the next agent',
    'engine/postgres/guardian-link.ts': 'options of a guardian, written for each one that is started',
    'engine/kernel/durable-file.ts': 'the disk itself',
    'engine/postgres/start-files.ts': 'files of PostgreSQL, by its major version',
    'engine/postgres/auto-conf.ts': 'files of PostgreSQL, by its major version',
    'engine/postgres/base-backup.ts': 'files of PostgreSQL, by its major version',
    'engine/postgres/initdb.ts': 'files of PostgreSQL, by its major version',
    'engine/postgres/settings-trial.ts': 'a directory for one trial start, removed after it',
    'engine/postgres/timeline-reservations.ts': 'files of PostgreSQL, by its major version',
    'engine/control/raft/persist-queue.ts': 'order of the writes of log-storage.ts',
    'server/surfaces/snapshots.ts': 'a tool of developers',
  };

  it('every module that writes a file stands in the table, or says why not', () => {
    const writes =
      /\b(writeFile|writeFileSync|appendFile|appendFileSync|rename|renameSync|replaceFile|openToAppend|createWriteStream)\(/;
    const known = new Set<string>([...Object.values(formats).map(({ module }) => module), ...Object.keys(noRow)]);
    const strangers = [...sources('engine'), ...sources('server')].filter(
      (file) => !known.has(file) && writes.test(withoutComments(readFileSync(file, 'utf8'))),
    );
    expect(strangers).toEqual([]);
  });
});

function* sources(directory: string): Generator<string> {
  for (const entry of readdirSync(directory, { withFileTypes: true })) {
    const path = join(directory, entry.name);
    if (entry.isDirectory()) {
      if (!['testing', 'sim', 'testdata', 'node_modules'].includes(entry.name)) yield* sources(path);
    } else if (entry.name.endsWith('.ts') && !entry.name.endsWith('.test.ts')) yield path;
  }
}

function withoutComments(text: string): string {
  return text.replaceAll(/\/\*[\s\S]*?\*\//g, '').replaceAll(/\/\/.*$/gm, '');
}
