// `npm test`: set-up, then every suite, browser tests included; ends with one plain line of true totals. A suite that could not run counts as failed,
// and so does too little coverage, which the same runs collect.
import { spawnSync } from 'node:child_process';
import { existsSync, mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';

const root = join(dirname(fileURLToPath(import.meta.url)), '..');
process.chdir(root);
const reports = mkdtempSync(join(tmpdir(), 'rustydb-test-'));
const totals = { passed: 0, failed: 0 };
const started = Date.now();

run('set-up', process.execPath, ['scripts/setup.mjs', '--for=test']);
// Not before set-up: its libraries may just have been installed.
const { Coverage } = await import('./coverage.mjs');
const coverage = new Coverage(reports);
vitest('unit');
vitest('simulated');
vitest('real');
playwright();
await judgeCoverage();

rmSync(reports, { recursive: true, force: true });
console.log(`\nall suites in ${Math.round((Date.now() - started) / 1000)} s`);
console.log(`${totals.passed} passed, ${totals.failed} failed`);
process.exit(totals.failed === 0 && totals.passed > 0 ? 0 : 1);

function vitest(project) {
  const file = join(reports, `${project}.json`);
  const status = bin('vitest', 'vitest.mjs', [
    'run',
    '--project',
    project,
    '--reporter=default',
    '--reporter=json',
    `--outputFile.json=${file}`,
    ...coverage.vitestArguments(project),
  ]);
  if (!existsSync(file)) return crashed(project, status);
  const report = JSON.parse(readFileSync(file, 'utf8'));
  count(
    project,
    report.numPassedTests,
    report.numFailedTests,
    status,
    report.numFailedTestSuites > 0 && report.numFailedTests === 0,
  );
}

function playwright() {
  const file = join(reports, 'e2e.json');
  const status = bin('@playwright/test', 'cli.js', ['test', '--reporter=list,json'], {
    PLAYWRIGHT_JSON_OUTPUT_NAME: file,
  });
  if (!existsSync(file)) return crashed('browser', status);
  const { stats } = JSON.parse(readFileSync(file, 'utf8'));
  count('browser', stats.expected, stats.unexpected + stats.flaky, status, false);
}

async function judgeCoverage() {
  const verdict = await coverage.verdict().catch((error) => ({ text: `coverage: ${error.stack}`, tooLittle: ['all'] }));
  console.log(`\n${verdict.text}`);
  if (verdict.tooLittle.length > 0) totals.failed += 1;
}

function count(suite, passed, failed, status, brokenFile) {
  const broken = failed === 0 && (status !== 0 || brokenFile) ? 1 : 0;
  totals.passed += passed;
  totals.failed += failed + broken;
  console.log(
    `\n${suite}: ${passed} passed, ${failed + broken} failed (${Math.round((Date.now() - started) / 1000)} s so far)`,
  );
}

function crashed(suite, status) {
  totals.failed += 1;
  console.log(`\n${suite}: did not run to its end (exit ${status})`);
}

function bin(pkg, script, args, env = {}) {
  const result = spawnSync(process.execPath, [join('node_modules', pkg, script), ...args], {
    stdio: 'inherit',
    env: { ...process.env, NEXT_TELEMETRY_DISABLED: '1', ...coverage.childEnvironment(), ...env },
  });
  return result.status ?? 1;
}

function run(name, command, args) {
  const result = spawnSync(command, args, { stdio: 'inherit' });
  if (result.status !== 0) {
    console.log(`${name} failed`);
    console.log('0 passed, 1 failed');
    process.exit(1);
  }
}
