/**
 * Would PostgreSQL start with these settings? The same binary is asked with the configuration of this node and the wanted values (`postgres -C`, 30 ms):
 * it reads every value, looks at combinations, loads the libraries and adds up its shared memory, and ends before it touches data or a port. It runs in a
 * directory of its own with a copy of the control file, so that a running server and its data are not concerned.
 *
 * Invariants: nothing of the node changes; libraries are loaded by bare name only, so only what is installed beside PostgreSQL runs.
 */
import { spawn } from 'node:child_process';
import { mkdir, mkdtemp, readFile } from 'node:fs/promises';
import { totalmem } from 'node:os';
import { join } from 'node:path';
import { messageOf } from '../kernel/errors';
import { createNew, giveDirectorySync, readRegular, readRegularText, removeTree } from '../kernel/foreign-files';
import type { SettingsVerdict } from '../runtime/engine-api';
import type { PostgresConfiguration } from './api';
import { formatAutoConf, readAutoConf } from './auto-conf';
import { readControlFile } from './control-data';
import { serverEnvironment } from './native';
import type { Settings } from './runtime-settings';
import { managedConfigurationFile, managedSettings } from './settings';

const timeoutMs = 20_000;
const mostOutput = 8_000;

export async function trySettings(configuration: PostgresConfiguration, changes: Settings): Promise<SettingsVerdict> {
  const hostMemoryBytes = memoryLimit();
  let directory: string | null = null;
  try {
    const current = await readAutoConf(configuration.paths.dataDirectory);
    directory = await scratchDirectory(configuration, current, changes);
    const wanted = Object.entries(changes).filter((entry): entry is [string, string] => entry[1] !== null);
    const shown = await ask(configuration, directory, wanted, 'shared_memory_size');
    if (shown.kind === 'refused') return { refusal: shown.words, sharedMemoryBytes: null, hostMemoryBytes };
    const sharedMemoryBytes = Number(shown.value) * 1_048_576;
    const effective = {
      ...managedSettings(configuration),
      ...Object.fromEntries(current),
      ...Object.fromEntries(wanted),
    };
    const refusal = await hugePagesRefusal(effective, () =>
      ask(configuration, directory!, wanted, 'shared_memory_size_in_huge_pages'),
    );
    return {
      refusal,
      sharedMemoryBytes: Number.isFinite(sharedMemoryBytes) ? sharedMemoryBytes : null,
      hostMemoryBytes,
    };
  } finally {
    if (directory !== null) await removeTree(directory);
  }
}

/** Filled before it is given away: whoever owns a directory could have us write through a link in it. */
async function scratchDirectory(
  configuration: PostgresConfiguration,
  current: ReadonlyMap<string, string>,
  changes: Settings,
): Promise<string> {
  const { paths, runAs } = configuration;
  // Read with its checksum first: a torn copy would be refused for a reason that has nothing to do with the settings.
  await readControlFile(paths.dataDirectory);
  const changed = new Set(Object.keys(changes).map((name) => name.toLowerCase()));
  const kept = new Map([...current].filter(([name]) => !changed.has(name)));
  const directory = await mkdtemp(join(paths.nodeDirectory, 'settings-trial-'));
  const files: readonly [string, string | Buffer][] = [
    ['PG_VERSION', '18\n'],
    ['postgresql.conf', await ownConfiguration(configuration)],
    ['postgresql.auto.conf', formatAutoConf(kept)],
    [join('global', 'pg_control'), await readRegular(join(paths.dataDirectory, 'global', 'pg_control'))],
  ];
  await mkdir(join(directory, 'global'), { mode: 0o700 });
  for (const [name, content] of files) {
    const file = await createNew(join(directory, name), 0o600, runAs);
    await file.writeFile(content).finally(() => file.close());
  }
  if (runAs) for (const given of [join(directory, 'global'), directory]) giveDirectorySync(given, runAs, 0o700);
  return directory;
}

/** As it was written for the last start. */
async function ownConfiguration(configuration: PostgresConfiguration): Promise<string> {
  const written = await readRegularText(join(configuration.paths.dataDirectory, 'rustydb.conf')).catch(() => null);
  return written ?? managedConfigurationFile(configuration);
}

type Answer = { readonly kind: 'shown'; readonly value: string } | { readonly kind: 'refused'; readonly words: string };

async function ask(
  configuration: PostgresConfiguration,
  directory: string,
  settings: readonly (readonly [string, string])[],
  variable: string,
): Promise<Answer> {
  const { nativeDirectory, runAs } = configuration;
  const values = settings.flatMap(([name, value]) => ['-c', `${name}=${value}`]);
  const child = spawn(join(nativeDirectory, 'bin', 'postgres'), ['-D', directory, '-C', variable, ...values], {
    ...(runAs ? { uid: runAs.uid, gid: runAs.gid } : {}),
    cwd: '/',
    env: serverEnvironment(),
    stdio: ['ignore', 'pipe', 'pipe'],
    timeout: timeoutMs,
    killSignal: 'SIGKILL',
  });
  let out = '';
  let said = '';
  child.stdout.on('data', (chunk: Buffer) => {
    out = (out + chunk.toString()).slice(-mostOutput);
  });
  child.stderr.on('data', (chunk: Buffer) => {
    said = (said + chunk.toString()).slice(-mostOutput);
  });
  const code = await new Promise<number | null>((resolve) => {
    child.once('error', (error) => {
      said = messageOf(error);
      resolve(null);
    });
    child.once('close', resolve);
  });
  return code === 0 ? { kind: 'shown', value: out.trim() } : { kind: 'refused', words: wordsOf(said, code) };
}

/** `FATAL:` and what belongs to it, without time and process. */
function wordsOf(said: string, code: number | null): string {
  const lines = said
    .split('\n')
    .map((line) => /\b(FATAL|PANIC|ERROR|HINT|DETAIL): {2}(.*)$/.exec(line) ?? /^(postgres): (.*)$/.exec(line))
    .flatMap((match) => (match ? [{ level: match[1]!, text: match[2]! }] : []));
  if (lines.length === 0) return said.trim().split('\n').at(-1) || `it ended with ${code ?? 'a time-out'}`;
  return lines
    .map(({ text }) => text.replace(/\.?$/, '.'))
    .join(' ')
    .replace(/\.$/, '');
}

/** With `huge_pages = on` PostgreSQL does not start unless the system has set aside enough of them. */
async function hugePagesRefusal(
  effective: Readonly<Record<string, string>>,
  needed: () => Promise<Answer>,
): Promise<string | null> {
  if (!/^(on|true|yes|1)$/i.test(effective.huge_pages ?? 'try')) return null;
  const info = await readFile('/proc/meminfo', 'utf8').catch(() => null);
  const total = info === null ? null : /^HugePages_Total:\s+(\d+)/m.exec(info);
  const answer = await needed();
  if (!total || answer.kind === 'refused' || Number(answer.value) <= Number(total[1])) return null;
  return `huge_pages = on needs ${answer.value} huge pages, the system has set aside ${total[1]} (vm.nr_hugepages)`;
}

/** Of the host, or of the container that we run in. */
function memoryLimit(): number {
  const constrained = process.constrainedMemory?.() ?? 0;
  return constrained > 0 && constrained < totalmem() ? constrained : totalmem();
}
