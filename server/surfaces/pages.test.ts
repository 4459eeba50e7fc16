/** Without built pages the server answers pages with what to do, and does not fail. */
import { mkdirSync, mkdtempSync, rmSync } from 'node:fs';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { expect, it } from 'vitest';
import { mountPages } from './pages';

it.each([
  ['is not there', false],
  ['is incomplete', true],
])('says that the build %s', async (words, begun) => {
  const directory = mkdtempSync(join(tmpdir(), 'rustydb-pages-'));
  if (begun) mkdirSync(join(directory, '.next'));
  const pages = await mountPages({ dev: false, host: '127.0.0.1', port: 0, directory });
  const server = createServer((request, response) => void pages.handle(request, response));
  await new Promise<void>((done) => server.listen(0, '127.0.0.1', done));
  const answer = await fetch(`http://127.0.0.1:${(server.address() as AddressInfo).port}/nodes`);
  expect(answer.status).toBe(503);
  const text = await answer.text();
  expect(text).toContain(words);
  expect(text).toContain('npm run build');
  server.close();
  rmSync(directory, { recursive: true });
});
