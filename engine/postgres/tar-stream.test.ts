import { execFileSync } from 'node:child_process';
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, describe, expect, it } from 'vitest';
import { parseHeader, type TarEntry, TarReader } from './tar-stream';

const directory = mkdtempSync(join(tmpdir(), 'rustydb-tar-'));
afterAll(() => rmSync(directory, { recursive: true }));

function archive(): Buffer {
  const source = join(directory, 'source');
  mkdirSync(join(source, 'd'), { recursive: true });
  writeFileSync(join(source, 'empty'), '');
  writeFileSync(join(source, 'd', 'block'), Buffer.alloc(512, 'a'));
  writeFileSync(join(source, 'd', 'odd'), Buffer.alloc(1337, 'b'));
  return execFileSync('tar', ['--format=ustar', '-C', source, '-c', 'empty', 'd/block', 'd/odd']);
}

async function read(chunks: Iterable<Buffer>): Promise<Map<string, string>> {
  const files = new Map<string, string>();
  let open: TarEntry | null = null;
  let content = '';
  const reader = new TarReader({
    async open(entry) {
      open = entry;
      content = '';
    },
    async data(chunk) {
      content += chunk.toString();
    },
    async close() {
      files.set(open!.name, content);
    },
  });
  for (const chunk of chunks) await reader.push(chunk);
  reader.end();
  return files;
}

describe('tar', () => {
  it.each([1, 7, 511, 512, 513, 100_000])('reads an archive that comes in pieces of %i bytes', async (size) => {
    const bytes = archive();
    const pieces = Array.from({ length: Math.ceil(bytes.length / size) }, (_, i) =>
      bytes.subarray(i * size, (i + 1) * size),
    );
    const files = await read(pieces);
    expect([...files].map(([name, content]) => [name, content.length])).toEqual([
      ['empty', 0],
      ['d/block', 512],
      ['d/odd', 1337],
    ]);
    expect(files.get('d/odd')).toBe('b'.repeat(1337));
  });

  it('refuses a damaged header and an archive that ends inside a file', async () => {
    const bytes = archive();
    const damaged = Buffer.from(bytes);
    damaged[130]! ^= 1;
    await expect(read([damaged])).rejects.toThrow(/checksum/);
    await expect(read([bytes.subarray(0, 512 * 3 - 10)])).rejects.toThrow(/middle/);
  });

  it('reads sizes of 8 GiB and more', () => {
    const header = Buffer.alloc(512);
    header.write('big');
    header.write('0000600\0', 100);
    header[124] = 0x80;
    header.writeBigUInt64BE(9n * 1024n ** 3n, 128);
    header.write('0', 156);
    header.write('ustar', 257);
    let sum = 0x20 * 8;
    for (let i = 0; i < 512; i++) sum += i >= 148 && i < 156 ? 0 : header[i]!;
    header.write(sum.toString(8).padStart(6, '0'), 148);
    expect(parseHeader(header)).toEqual({ name: 'big', kind: 'file', size: 9 * 1024 ** 3, mode: 0o600 });
  });
});
