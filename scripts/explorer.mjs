// Builds the GraphQL explorer's page into two files of our own (explorer.js, explorer.css): `node scripts/explorer.mjs [directory]`.
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { build } from 'esbuild';

const root = join(dirname(fileURLToPath(import.meta.url)), '..');

export async function buildExplorer(outdir) {
  await build({
    absWorkingDir: root,
    entryPoints: { explorer: 'components/explorer/main.tsx' },
    outdir,
    bundle: true,
    minify: true,
    format: 'esm',
    target: 'es2022',
    jsx: 'automatic',
    define: { 'process.env.NODE_ENV': '"production"' },
    loader: { '.woff2': 'dataurl', '.svg': 'dataurl' },
    legalComments: 'none',
    logLevel: 'warning',
    // Parts of it import each other's named halves: one file, because the page loads one.
    splitting: false,
  });
}

if (process.argv[1] === fileURLToPath(import.meta.url))
  await buildExplorer(process.argv[2] ?? join(root, 'dist', 'explorer'));
