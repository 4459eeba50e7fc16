import { mkdtempSync, rmSync } from 'node:fs';
import { createServer } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { openPortBook } from './ports';

let directory: string;
beforeEach(() => {
  directory = mkdtempSync(join(tmpdir(), 'ports-'));
});
afterEach(() => rmSync(directory, { recursive: true }));

describe('port book', () => {
  it('gives different ports to callers at the same time and the same one again later', async () => {
    const book = await openPortBook(directory, '127.0.0.1');
    const ports = await Promise.all(['a', 'b', 'c', 'd'].map((key) => book.port(key)));
    expect(new Set(ports).size).toBe(4);
    const again = await openPortBook(directory, '127.0.0.1');
    expect(await again.port('c')).toBe(ports[2]);
  });

  it('moves a remembered port that somebody took, and says so', async () => {
    const port = await (await openPortBook(directory, '127.0.0.1')).port('a');
    const squatter = createServer();
    await new Promise<void>((done) => squatter.listen(port, '127.0.0.1', done));
    const book = await openPortBook(directory, '127.0.0.1');
    expect(await book.port('a')).not.toBe(port);
    expect(book.moved).toHaveLength(1);
    await new Promise((done) => squatter.close(done));
  });
});
