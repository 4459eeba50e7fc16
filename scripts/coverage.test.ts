/** The verdict on coverage: what counts as run, what is printed, and what fails the run; and that the child's half measures a real process. */
import { spawnSync } from 'node:child_process';
import { existsSync, mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, expect, it } from 'vitest';
import { judge, linesOf, mergeLines, sumLines } from './coverage-lines.mjs';
import { leastLines } from './coverage-scope.mjs';

const at = (line: number) => ({ start: { line, column: 0 }, end: { line, column: 9 } });
const fileMap = (path: string, times: readonly number[]) => ({
  [path]: {
    path,
    statementMap: Object.fromEntries(times.map((_, index) => [index, at(index + 1)])),
    s: Object.fromEntries(times.map((count, index) => [index, count])),
    fnMap: {},
    f: {},
    branchMap: {},
    b: {},
  },
});

it('takes a line that ran anywhere as run, and lines only from the tests’ own measurement', () => {
  const base = linesOf({ ...fileMap('/r/engine/a.ts', [0, 0, 3]), ...fileMap('/r/server/auth/b.ts', [0]) });
  const child = linesOf({ ...fileMap('/r/engine/a.ts', [7, 0, 0, 5]), ...fileMap('/r/engine/unknown.ts', [1]) });
  expect(mergeLines(base, [child])).toEqual({
    '/r/engine/a.ts': { 1: 1, 2: 0, 3: 1 },
    '/r/server/auth/b.ts': { 1: 0 },
  });
});

it('sums by area and directory, and fails an area that has too little or was not measured', () => {
  const lines = linesOf({
    ...fileMap('/r/engine/main.ts', [1, 1]),
    ...fileMap('/r/engine/router/core/a.ts', [1, 1, 0]),
    ...fileMap('/r/server/auth/b.ts', [1, 0]),
  });
  const areas = sumLines(lines, '/r');
  expect(areas.engine).toEqual({
    ran: 4,
    all: 5,
    directories: { 'engine/*': { ran: 2, all: 2 }, 'engine/router': { ran: 2, all: 3 } },
  });
  const verdict = judge(areas, leastLines);
  expect(verdict.tooLittle).toEqual(['server']);
  expect(verdict.text).toContain('coverage: engine 80.0 % lines, server 50.0 % lines');
  expect(verdict.text).toContain('coverage of server is below 80 % lines');
  expect(verdict.text).toMatch(/engine\/router +66\.6 % of 3 lines/);
  expect(judge({}, leastLines).tooLittle).toEqual(['engine', 'server']);
});

it('does not round up to enough', () => {
  const { text, tooLittle } = judge({ engine: { ran: 7999, all: 10_000, directories: {} } }, { engine: 80 });
  expect([text, tooLittle]).toEqual([expect.stringContaining('engine 79.9 % lines'), ['engine']]);
});

let root: string;
beforeAll(() => {
  root = mkdtempSync(join(tmpdir(), 'rustydb-coverage-'));
  for (const directory of ['scripts', 'dist', 'into']) mkdirSync(join(root, directory));
  writeFileSync(
    join(root, 'scripts', 'coverage-child.mjs'),
    readFileSync(new URL('./coverage-child.mjs', import.meta.url)),
  );
});
afterAll(() => rmSync(root, { recursive: true, force: true }));

it('writes what ran in a process of dist/ that exits on its own, and nothing for others', () => {
  const program = 'function ran() { return 1; }\nfunction never() { return 2; }\nprocess.exit(ran() - 1);\n';
  const loader = new URL(`file://${root}/scripts/coverage-child.mjs`);
  loader.searchParams.set('into', join(root, 'into'));
  const run = (file: string) => {
    writeFileSync(join(root, file), program);
    return spawnSync(process.execPath, ['--import', loader.href, join(root, file)], { cwd: root }).status;
  };
  expect(run('elsewhere.mjs')).toBe(0);
  expect(readdirSync(join(root, 'into'))).toEqual([]);
  expect(run('dist/agent.mjs')).toBe(0);
  const [file = ''] = readdirSync(join(root, 'into'));
  expect(existsSync(join(root, 'into', file))).toBe(true);
  const [script] = JSON.parse(readFileSync(join(root, 'into', file), 'utf8')).result;
  const count = (name: string) =>
    script.functions.find((one: { functionName: string }) => one.functionName === name).ranges[0].count;
  expect([script.url, count('ran'), count('never')]).toEqual([`file://${join(root, 'dist', 'agent.mjs')}`, 1, 0]);
});
