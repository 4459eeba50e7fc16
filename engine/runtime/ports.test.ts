import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
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

  it('of a newer release is refused with what to start', async () => {
    writeFileSync(join(directory, 'ports.json'), JSON.stringify({ format: 2, 'node-1.agent': [15_001] }));
    await expect(openPortBook(directory, '127.0.0.1')).rejects.toThrow(/ports\.json has format 2; .*start that one/);
  });

  it('leaves a port alone that a running process of this installation holds', async () => {
    const port = await (await openPortBook(directory, '127.0.0.1')).port('node-1.agent');
    const adopted = createServer();
    await new Promise<void>((done) => adopted.listen(port, '127.0.0.1', done));
    const book = await openPortBook(directory, '127.0.0.1', (key) => key === 'node-1.agent');
    expect(await book.port('node-1.agent')).toBe(port);
    expect(book.moved).toEqual([]);
    await new Promise((done) => adopted.close(done));
  });

  it.each(['{"a": 15', '[]', '{"a": "many"}', 'null', ''])('names its file when it holds %j', async (text) => {
    writeFileSync(join(directory, 'ports.json'), text);
    await expect(openPortBook(directory, '127.0.0.1')).rejects.toThrow(/ports\.json is damaged .*delete it/);
  });
});
