/**
 * Reads the tar archives of BASE_BACKUP as they stream in. PostgreSQL writes plain ustar: files, directories and (tablespaces) links.
 * Memory is bounded by one block plus the chunk at hand.
 */
export type TarEntry = {
  readonly name: string;
  readonly kind: 'file' | 'directory' | 'link';
  readonly size: number;
  readonly mode: number;
};

export type TarSink = {
  open(entry: TarEntry): Promise<void>;
  data(chunk: Buffer): Promise<void>;
  close(): Promise<void>;
};

const blockBytes = 512;

export class TarReader {
  #header = Buffer.alloc(blockBytes);
  #headerBytes = 0;
  #remaining = 0;
  #padding = 0;
  #open = false;

  constructor(private readonly sink: TarSink) {}

  async push(chunk: Buffer): Promise<void> {
    let at = 0;
    while (at < chunk.length) {
      if (this.#remaining > 0) {
        const part = chunk.subarray(at, at + this.#remaining);
        await this.sink.data(part);
        at += part.length;
        this.#remaining -= part.length;
        if (this.#remaining === 0) await this.#closeEntry();
      } else if (this.#padding > 0) {
        const skipped = Math.min(this.#padding, chunk.length - at);
        this.#padding -= skipped;
        at += skipped;
      } else {
        const taken = chunk.copy(this.#header, this.#headerBytes, at, at + blockBytes - this.#headerBytes);
        at += taken;
        this.#headerBytes += taken;
        if (this.#headerBytes === blockBytes) await this.#openEntry();
      }
    }
  }

  /** @throws RangeError when the archive ended inside an entry. */
  end(): void {
    if (this.#open || this.#headerBytes > 0) throw new RangeError('the archive ends in the middle of a file');
  }

  async #openEntry(): Promise<void> {
    this.#headerBytes = 0;
    const entry = parseHeader(this.#header);
    if (!entry) return;
    await this.sink.open(entry);
    this.#open = true;
    this.#remaining = entry.size;
    this.#padding = (blockBytes - (entry.size % blockBytes)) % blockBytes;
    if (entry.size === 0) await this.#closeEntry();
  }

  async #closeEntry(): Promise<void> {
    this.#open = false;
    await this.sink.close();
  }
}

/** Null for the zero blocks at the end. @throws RangeError for anything that is no ustar header. */
export function parseHeader(header: Buffer): TarEntry | null {
  if (header.every((byte) => byte === 0)) return null;
  const stored = octal(header, 148, 8);
  let sum = 0;
  for (let i = 0; i < blockBytes; i++) sum += i >= 148 && i < 156 ? 0x20 : header[i]!;
  if (sum !== stored) throw new RangeError('tar header with a wrong checksum');
  const prefix = text(header, 345, 155);
  const name = text(header, 0, 100);
  const type = String.fromCharCode(header[156]!);
  const kind =
    type === '5' ? 'directory' : type === '2' || type === '1' ? 'link' : type === '0' || type === '\0' ? 'file' : null;
  if (kind === null) throw new RangeError(`tar entry of unknown type ${JSON.stringify(type)}`);
  return {
    name: prefix === '' ? name : `${prefix}/${name}`,
    kind,
    size: kind === 'file' ? octal(header, 124, 12) : 0,
    mode: octal(header, 100, 8) & 0o777,
  };
}

function text(header: Buffer, start: number, length: number): string {
  const field = header.subarray(start, start + length);
  const end = field.indexOf(0);
  return field.subarray(0, end < 0 ? length : end).toString('utf8');
}

/** Octal digits, or (files of 8 GiB and more) base 256 with the top bit set. */
function octal(header: Buffer, start: number, length: number): number {
  if (header[start]! & 0x80) {
    let value = BigInt(header[start]! & 0x7f);
    for (let i = 1; i < length; i++) value = (value << 8n) | BigInt(header[start + i]!);
    return Number(value);
  }
  const digits = text(header, start, length).trim();
  if (!/^[0-7]*$/.test(digits)) throw new RangeError('tar header with a field that is no number');
  return digits === '' ? 0 : Number.parseInt(digits, 8);
}
