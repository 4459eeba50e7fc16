/**
 * The snippets of the documentation, executed as they stand there and in their order, against one real cluster with the built rustydbctl. Every
 * page of docs/how-to is found by itself. Only the console's address and the key differ from what is printed; a call that is refused fails.
 */
import { type ChildProcess, spawn } from 'node:child_process';
import {
  chmodSync,
  existsSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs';
import { basename, delimiter, join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { pollUntil } from '@/engine/kernel/async';
import { distDirectory, RealCluster } from '@/engine/testing/real-cluster';
import { type Snippet, snippetsOf } from './doc-snippets';

const root = join(import.meta.dirname, '..');
const read = (page: string) => snippetsOf(readFileSync(join(root, 'docs', page), 'utf8'));

/** These need the first primary where the cluster starts; the last ones change who may do what, or hurt. */
const first = ['README.md', 'restart-and-settings.md', 'writes-wait.md', 'switch-over.md'].map(
  (page) => `how-to/${page}`,
);
const last = ['security.md', 'how-to/break-glass.md', 'how-to/rehearse.md'];
const found = [...readdirSync(join(root, 'docs/how-to')).map((page) => `how-to/${page}`), 'api.md', 'cli.md'];
const between = found.filter((page) => page.endsWith('.md') && !first.includes(page) && !last.includes(page)).sort();
const pages = [...first, ...between, ...last].map((page) => ({ page, snippets: read(page) }));
const inOrder = pages.map(({ page, snippets }) => ({
  page,
  lines: snippets.filter((one) => runsInOrder(one)),
  scripts: snippets.filter((one) => one.script !== null),
  endless: snippets.filter((one) => one.until !== null),
}));

let cluster: RealCluster;
let directory: string;

beforeAll(async () => {
  // Inside the repository, so that TypeScript finds its loader.
  directory = mkdtempSync(join(root, 'node_modules', '.how-to-'));
  writeFileSync(join(directory, 'package.json'), '{"type": "module"}');
  program('rustydbctl', `exec "${process.execPath}" "${join(distDirectory(), 'rustydbctl.mjs')}" "$@"`);
  program('curl', `PATH="\${PATH#*${delimiter}}"\nexec curl --fail-with-body "$@"`);
  cluster = await RealCluster.start({ through: 'rest' });
  symlinkSync(cluster.dataDirectory, join(directory, 'data'));
  await cluster.healed();
});
afterAll(async () => {
  await cluster?.destroy();
  rmSync(directory, { recursive: true, force: true });
});

function program(name: string, text: string): void {
  mkdirSync(join(directory, 'bin'), { recursive: true });
  writeFileSync(join(directory, 'bin', name), `#!/bin/sh\n${text}\n`);
  chmodSync(join(directory, 'bin', name), 0o755);
}

function runsInOrder(snippet: Snippet): boolean {
  return snippet.notRun === null && snippet.script === null && snippet.until === null;
}

/** What somebody copies, with their own address and key filled in. */
function filledIn(text: string): string {
  return text
    .replaceAll('http://127.0.0.1:8080', cluster.url)
    .replaceAll(/RUSTYDB_API_KEY=(<key>|…)/g, `RUSTYDB_API_KEY=${cluster.apiKey}`)
    .replaceAll('X-API-Key: …', `X-API-Key: ${cluster.apiKey}`);
}

function shell(snippet: Snippet): string {
  if (snippet.language === 'sh') return filledIn(snippet.text);
  if (snippet.language === 'sql') return `psql -v ON_ERROR_STOP=1 <<'SQL'\n${snippet.text}SQL\n`;
  throw new Error(`line ${snippet.line}: TypeScript runs as a script only`);
}

/** A page's own lines behind what every page has. */
function bash(text: string): string {
  const shared = pages[0]!.snippets.filter((one) => one.onEveryPage).map(shell);
  return ['set -euo pipefail', ...shared, text].join('\n');
}

function start(command: string, words: readonly string[]): { child: ChildProcess; said: () => string } {
  const child = spawn(command, words, {
    cwd: directory,
    // A group of its own: what is endless ends with all that it has started.
    detached: true,
    env: {
      ...process.env,
      PATH: `${join(directory, 'bin')}${delimiter}${process.env.PATH}`,
      HOME: directory,
      RUSTYDB: cluster.url,
      RUSTYDB_URL: cluster.url,
      RUSTYDB_API_KEY: cluster.apiKey,
    },
    stdio: ['ignore', 'pipe', 'pipe'],
  });
  let output = '';
  for (const stream of [child.stdout, child.stderr]) stream.on('data', (chunk: Buffer) => (output += chunk.toString()));
  return { child, said: () => output };
}

async function ended({ child, said }: ReturnType<typeof start>): Promise<{ code: number | null; output: string }> {
  const code = await new Promise<number | null>((resolve) => child.once('close', resolve));
  return { code, output: said() };
}

function runScript(snippet: Snippet): Promise<{ code: number | null; output: string }> {
  const [name, ...words] = snippet.script!;
  const file = join(directory, name);
  if (name.endsWith('.ts')) {
    writeFileSync(file, snippet.text);
    return ended(start(process.execPath, ['--import', 'tsx', file, ...words]));
  }
  writeFileSync(file, bash(shell(snippet)));
  return ended(start('bash', [file, ...words]));
}

function scriptCalled(name: string): Snippet {
  const snippet = inOrder.flatMap(({ scripts }) => scripts).find((one) => one.script![0] === name);
  if (!snippet) throw new Error(`no page has the script ${name}`);
  return snippet;
}

/** Until the console has a reader of events. */
function listening(): Promise<true> {
  return pollUntil(
    async () => {
      const response = await fetch(`${cluster.url}/metrics`, { headers: { 'X-API-Key': cluster.apiKey } });
      return /streams[a-z_]*\{[^}]*sse[^}]*\} [1-9]/.test(await response.text()) || undefined;
    },
    { what: 'a stream is open', timeoutMs: 20_000, intervalMs: 100 },
  );
}

async function switchOver(): Promise<void> {
  const { code, output } = await runScript(scriptCalled('switch-over-cli.sh'));
  expect(code, output).toBe(0);
}

describe.each(inOrder.filter(({ lines, scripts, endless }) => [...lines, ...scripts, ...endless].length > 0))(
  '$page',
  ({ page, lines, scripts, endless }) => {
    const mark = '===== line ';

    it.each(lines.length === 0 ? [] : [page])('does what %s prints, in order', async () => {
      await cluster.healed();
      const text = lines.map((one) => `echo; echo "${mark}${one.line}"\n${shell(one)}`).join('\n');
      const file = join(directory, `${basename(page)}.sh`);
      writeFileSync(file, bash(text));
      const { code, output } = await ended(start('bash', [file]));
      expect(code, `docs/${page}: ${output}`).toBe(0);
      const said = new Map(
        output.split(mark).map((part) => [Number.parseInt(part, 10), part.slice(part.indexOf('\n') + 1).trim()]),
      );
      for (const { line, prints } of lines) {
        // What jq or the shell complains about, although the last command of a line may have ended well.
        expect(said.get(line), `docs/${page}:${line}`).not.toMatch(
          /^jq: error|: command not found|: unbound variable/m,
        );
        if (prints !== null) expect(said.get(line), `docs/${page}:${line}`).toMatch(prints);
      }
    });

    const [streams, programs] = [scripts.filter(follows), scripts.filter((one) => !follows(one))];

    it.each(programs.map((one) => one.script![0]))('%s', async (name) => {
      await cluster.healed();
      const before = await cluster.primary('alpha');
      const { code, output } = await runScript(scriptCalled(name));
      expect(code, output).toBe(0);
      if (!name.startsWith('switch-over')) return expect(output.trim()).toBe('the primary serves as app');
      expect(output).toContain('succeeded');
      expect(await cluster.primary('alpha')).not.toBe(before);
    });

    it.each(streams.map((one) => one.script![0]))('%s tells a failover and ends with it', async (name) => {
      await cluster.healed();
      const following = runScript(scriptCalled(name));
      await listening();
      await switchOver();
      const { code, output } = await following;
      expect(code, output).toBe(0);
      expect(output).toMatch(/failover_completed/);
    });

    it.each(endless)('line $line tells what happens until it is interrupted', async (snippet) => {
      await cluster.healed();
      const file = join(directory, 'endless.sh');
      writeFileSync(file, bash(shell(snippet)));
      const running = start('bash', [file]);
      const over = ended(running);
      await listening();
      await switchOver();
      await pollUntil(() => snippet.until!.test(running.said()) || undefined, {
        what: `${page}:${snippet.line} prints ${snippet.until}`,
        timeoutMs: 20_000,
        intervalMs: 50,
      }).finally(() => process.kill(-running.child.pid!, 'SIGINT'));
      await over;
    });
  },
);

function follows(snippet: Snippet): boolean {
  return snippet.script![0].startsWith('follow');
}

it('every file that a snippet wrote lies in its own directory', () => {
  for (const file of ['plan.json', 'operations.csv', 'audit.csv', 'refused.json'])
    expect(existsSync(join(directory, file)), file).toBe(true);
});
