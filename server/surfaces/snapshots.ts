/** The committed pictures of the API: `--write` after a wanted change, `--check` in the checks, so that every change shows as a diff. */
import { readFileSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import { fileURLToPath } from 'node:url';
import { lexicographicSortSchema, printSchema } from 'graphql';
import { buildGraphqlSchema } from './graphql/schema';
import { buildOpenApi } from './openapi/document';

const root = path.resolve(path.dirname(fileURLToPath(import.meta.url)), '../..');

export function snapshots(): readonly { readonly file: string; readonly text: string }[] {
  return [
    { file: path.join(root, 'openapi.json'), text: `${JSON.stringify(buildOpenApi(), null, 2)}\n` },
    {
      file: path.join(root, 'schema.graphql'),
      text: `${printSchema(lexicographicSortSchema(buildGraphqlSchema()))}\n`,
    },
  ];
}

export function staleSnapshots(): readonly string[] {
  return snapshots()
    .filter(({ file, text }) => readOrEmpty(file) !== text)
    .map(({ file }) => path.basename(file));
}

function readOrEmpty(file: string): string {
  try {
    return readFileSync(file, 'utf8');
  } catch {
    return '';
  }
}

const mode = process.argv[2];
if (process.argv[1] === fileURLToPath(import.meta.url)) {
  if (mode === '--write') {
    for (const { file, text } of snapshots()) writeFileSync(file, text);
  } else if (mode === '--check') {
    const stale = staleSnapshots();
    if (stale.length > 0) {
      console.error(`Not up to date: ${stale.join(', ')}. Run: node --import tsx server/surfaces/snapshots.ts --write`);
      process.exit(1);
    }
  } else {
    console.error('usage: node --import tsx server/surfaces/snapshots.ts --write|--check');
    process.exit(2);
  }
}
