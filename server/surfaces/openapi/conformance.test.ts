/**
 * The document judged by others: a validator of OpenAPI 3.1, a JSON Schema validator, and a client whose types are generated from it, which
 * must compile in strict mode, refuse what the document refuses, and work.
 */
import { mkdtempSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { fileURLToPath, pathToFileURL } from 'node:url';
import { Validator } from '@seriousme/openapi-schema-validator';
import { transform } from 'esbuild';
import openapiTypescript, { astToString } from 'openapi-typescript';
import ts from 'typescript';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { type ConsoleFixture, startConsole, type Wire } from '../../testing/console-fixture';
import { ResponseValidator } from '../../testing/response-validator';
import { buildOpenApi } from './document';

const root = path.resolve(path.dirname(fileURLToPath(import.meta.url)), '../../..');
const document = buildOpenApi() as Wire;

describe('the document', () => {
  it('is valid OpenAPI 3.1', async () => {
    const validator = new Validator();
    const result = await validator.validate(structuredClone(document));
    expect(result.errors ?? []).toEqual([]);
    expect([result.valid, validator.version]).toEqual([true, '3.1']);
  });

  it('has no reference that leads nowhere', () => {
    const references = new Set([...JSON.stringify(document).matchAll(/"\$ref":"([^"]+)"/g)].map((found) => found[1]!));
    const known = Object.keys(document.components.schemas).map((name) => `#/components/schemas/${name}`);
    expect([...references].filter((one) => !known.includes(one))).toEqual([]);
  });

  it('notices an answer that it does not describe', () => {
    const validator = new ResponseValidator(document);
    const config = '/api/v1/cluster/config';
    expect(validator.check(config, 'GET', 200, { cluster_name: 'orders' })).not.toEqual([]);
    expect(validator.check(config, 'GET', 418, {})).toEqual([`GET ${config}: 418 is not documented`]);
    expect(validator.checkItem('/api/v1/events', { category: 'none' })).not.toEqual([]);
  });
});

const program = `
import createClient from 'openapi-fetch';
import type { paths } from './api';

export async function use(baseUrl: string, key: string) {
  const client = createClient<paths>({ baseUrl, headers: { 'X-API-Key': key } });
  const nodes = await client.GET('/api/v1/cluster/nodes', { params: { query: { limit: 2, group: 'alpha' } } });
  const ids: string[] = (nodes.data ?? []).map((node) => node.id);
  const node = await client.GET('/api/v1/cluster/nodes/{id}', { params: { path: { id: 'node-1' } } });
  const lag: number | null | undefined = node.data?.lag_bytes;
  const plan = await client.POST('/api/v1/cluster/failover', { body: { group: 'alpha', mode: 'switchover', dry_run: true } });
  const missing = await client.GET('/api/v1/cluster/nodes/{id}', { params: { path: { id: 'node-99' } } });
  const code: 'NOT_FOUND' | string | undefined = missing.error?.code;
  return { ids, role: node.data?.role, lag, planned: plan.data?.state, code };
}
`;

/** Each of these must not compile. */
const wrong = `
import createClient from 'openapi-fetch';
import type { paths } from './api';
const client = createClient<paths>();
// @ts-expect-error no such address
client.GET('/api/v1/cluster/nothing');
// @ts-expect-error a mode that is none
client.POST('/api/v1/cluster/failover', { body: { mode: 'sideways' } });
// @ts-expect-error the parameter of the path is missing
client.GET('/api/v1/cluster/nodes/{id}', {});
`;

describe('a generated client', () => {
  const directory = mkdtempSync(path.join(tmpdir(), 'rustydb-client-'));
  let console: ConsoleFixture;
  beforeAll(async () => {
    console = await startConsole();
    symlinkSync(path.join(root, 'node_modules'), path.join(directory, 'node_modules'));
    writeFileSync(path.join(directory, 'package.json'), '{"type": "module"}');
    writeFileSync(path.join(directory, 'api.d.ts'), astToString(await openapiTypescript(structuredClone(document))));
    writeFileSync(path.join(directory, 'use.ts'), program);
    writeFileSync(path.join(directory, 'wrong.ts'), wrong);
  });
  afterAll(async () => {
    await console.stop();
    rmSync(directory, { recursive: true, force: true });
  });

  it('compiles in strict mode, and refuses what the document refuses', () => {
    const compiled = ts.createProgram([path.join(directory, 'use.ts'), path.join(directory, 'wrong.ts')], {
      strict: true,
      noEmit: true,
      skipLibCheck: true,
      target: ts.ScriptTarget.ES2022,
      module: ts.ModuleKind.ESNext,
      moduleResolution: ts.ModuleResolutionKind.Bundler,
      lib: ['lib.es2022.d.ts', 'lib.dom.d.ts'],
      types: [],
    });
    const found = ts.getPreEmitDiagnostics(compiled);
    const text = ts.formatDiagnostics(found, {
      getCurrentDirectory: () => directory,
      getCanonicalFileName: (name) => name,
      getNewLine: () => '\n',
    });
    expect(text).toBe('');
  });

  it('works', async () => {
    const { code } = await transform(program, { loader: 'ts', format: 'esm' });
    const file = path.join(directory, 'use.mjs');
    writeFileSync(file, code);
    const { use } = (await import(/* @vite-ignore */ pathToFileURL(file).href)) as Wire;
    expect(await use(console.url, console.keys.operator)).toEqual({
      ids: ['node-1', 'node-2'],
      role: 'primary',
      lag: 0,
      planned: 'planned',
      code: 'NOT_FOUND',
    });
  });
});
