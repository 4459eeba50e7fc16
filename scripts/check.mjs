// `npm run check`: what a developer runs all day, in under two minutes: types, format and lint, layering, unused code, snapshots, unit tests.
import { spawn, spawnSync } from 'node:child_process';
import { existsSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';

process.chdir(join(dirname(fileURLToPath(import.meta.url)), '..'));
if (!existsSync('node_modules'))
  process.exit(spawnSync(process.execPath, ['scripts/setup.mjs'], { stdio: 'inherit' }).status ?? 1);

const bin = (name) => join('node_modules', '.bin', name);
// The longest first; all others together take less time than it.
const steps = [
  ['unit tests', bin('vitest'), ['run', '--project', 'unit', '--reporter=dot']],
  ['types', bin('tsc'), ['--noEmit', '-p', 'tsconfig.json']],
  ['engine types', bin('tsc'), ['--noEmit', '-p', 'engine/tsconfig.json']],
  ['format and lint', bin('biome'), ['check', '.']],
  ['layering', process.execPath, ['scripts/layering.mjs']],
  ['unused code', bin('knip'), []],
  ['API snapshots', process.execPath, ['--import', 'tsx', 'server/surfaces/snapshots.ts', '--check']],
];

// Two at a time: as many as the smallest machine has cores.
const started = Date.now();
let failed = 0;
const queue = steps.filter(([name]) => name !== 'unit tests' || !process.argv.includes('--without-tests'));
await Promise.all([worker(), worker()]);
console.log(
  failed === 0
    ? `check passed in ${seconds(started)} s`
    : `check: ${failed} of ${steps.length} steps failed (${seconds(started)} s)`,
);
process.exit(failed === 0 ? 0 : 1);

async function worker() {
  for (let step = queue.shift(); step; step = queue.shift()) await runStep(step);
}

function runStep([name, command, args]) {
  const begun = Date.now();
  return new Promise((resolve) => {
    const child = spawn(command, args, { stdio: ['ignore', 'pipe', 'pipe'] });
    let output = '';
    child.stdout.on('data', (chunk) => (output += chunk));
    child.stderr.on('data', (chunk) => (output += chunk));
    child.on('close', (code) => {
      if (code !== 0) {
        failed++;
        console.log(output.trimEnd());
      }
      console.log(`${code === 0 ? 'ok    ' : 'FAILED'} ${name} (${seconds(begun)} s)`);
      resolve();
    });
  });
}

function seconds(since) {
  return ((Date.now() - since) / 1000).toFixed(1);
}
