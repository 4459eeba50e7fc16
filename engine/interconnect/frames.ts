/**
 * Bytes on the wire. A record is `u32 length | body`; after the handshake the body is `frames… | 16-byte MAC` and each frame is
 * `u32 length | u8 type | u32 id | u8 method length | method | JSON`. Invariants: memory grows only with bytes that really arrived and
 * never past the record limit; anything malformed is a FrameError, which closes the connection and nothing else.
 */

export const frameTypes = {
  request: 1,
  response: 2,
  failure: 3,
  message: 4,
  streamOpen: 5,
  streamItem: 6,
  streamEnd: 7,
  streamClose: 8,
  ping: 9,
  pong: 10,
  /** The handler has taken the stream; items may be long in coming. */
  streamOpened: 11,
} as const;

export type FrameType = keyof typeof frameTypes;
export type Frame = {
  readonly type: FrameType;
  readonly id: number;
  readonly method: string;
  /** JSON text; empty for undefined. */
  readonly body: string;
  /** Size on the wire. */
  readonly bytes: number;
};

export const macBytes = 16;
export const recordHeaderBytes = 4;
const frameHeaderBytes = 10;
/** A record is closed for further frames at this size; one record holds at most this plus one frame. */
export const recordSoftLimitBytes = 64 * 1024;

const typeByCode: readonly (FrameType | undefined)[] = (() => {
  const table: (FrameType | undefined)[] = [];
  for (const [name, code] of Object.entries(frameTypes)) table[code] = name as FrameType;
  return table;
})();

export class FrameError extends Error {
  override readonly name = 'FrameError';
}

export function frameSize(method: string, body: string): number {
  return frameHeaderBytes + Buffer.byteLength(method) + Buffer.byteLength(body);
}

export function recordLimitBytes(frameBytes: number): number {
  return recordSoftLimitBytes + frameBytes + macBytes;
}

/** Collects the frames of one write; leaves room for the length in front and the MAC behind, so that sealing copies nothing. */
export class RecordBuilder {
  #buffer: Buffer;
  #used = recordHeaderBytes;
  messages = 0;

  constructor(firstFrameBytes: number) {
    this.#buffer = Buffer.allocUnsafe(Math.max(1024, recordHeaderBytes + firstFrameBytes + macBytes));
  }

  get bodyBytes(): number {
    return this.#used - recordHeaderBytes;
  }

  /** `size` as told by frameSize for the same method and body. */
  append(frame: { type: FrameType; id: number; method: string; body: string }, size: number): void {
    const needed = this.#used + size + macBytes;
    if (needed > this.#buffer.length) {
      const larger = Buffer.allocUnsafe(Math.max(needed, this.#buffer.length * 2));
      this.#buffer.copy(larger, 0, 0, this.#used);
      this.#buffer = larger;
    }
    const buffer = this.#buffer;
    let at = buffer.writeUInt32BE(size - 4, this.#used);
    at = buffer.writeUInt8(frameTypes[frame.type], at);
    at = buffer.writeUInt32BE(frame.id, at);
    const methodBytes = buffer.write(frame.method, at + 1, 'utf8');
    buffer.writeUInt8(methodBytes, at);
    at += 1 + methodBytes;
    at += buffer.write(frame.body, at, 'utf8');
    this.#used = at;
    this.messages++;
  }

  /** The finished record; the builder must not be used afterwards. */
  seal(mac: (body: Buffer) => Buffer): Buffer {
    const body = this.#buffer.subarray(recordHeaderBytes, this.#used);
    mac(body).copy(this.#buffer, this.#used, 0, macBytes);
    this.#buffer.writeUInt32BE(body.length + macBytes, 0);
    return this.#buffer.subarray(0, this.#used + macBytes);
  }
}

export function plainRecord(body: Buffer): Buffer {
  const record = Buffer.allocUnsafe(recordHeaderBytes + body.length);
  record.writeUInt32BE(body.length, 0);
  body.copy(record, recordHeaderBytes);
  return record;
}

/** Splits a byte stream into records. `limitBytes` may be raised between records (after the handshake). */
export class RecordParser {
  #chunk: Buffer | null = null;
  #header = Buffer.alloc(recordHeaderBytes);
  #headerUsed = 0;
  #length = 0;
  #partial: Buffer | null = null;
  #partialUsed = 0;

  constructor(public limitBytes: number) {}

  /** Bytes held in memory; for the test of the bound. */
  get heldBytes(): number {
    return (this.#chunk?.length ?? 0) + (this.#partial?.length ?? 0);
  }

  /** Only after `next()` has answered null. */
  push(chunk: Buffer): void {
    if (this.#chunk !== null && this.#chunk.length > 0) {
      this.#chunk = Buffer.concat([this.#chunk, chunk]);
    } else {
      this.#chunk = chunk;
    }
  }

  /** The body of the next whole record, or null. The buffer is valid until the next call. @throws FrameError */
  next(): Buffer | null {
    if (this.#partial === null) {
      if (!this.#readHeader()) return null;
      const chunk = this.#chunk;
      if (chunk !== null && chunk.length >= this.#length) {
        this.#headerUsed = 0;
        return this.#consume(this.#length);
      }
      this.#partial = Buffer.allocUnsafe(Math.min(this.#length, Math.max(4096, (chunk?.length ?? 0) * 2)));
      this.#partialUsed = 0;
    }
    this.#fill();
    if (this.#partialUsed < this.#length) return null;
    const record = this.#partial.subarray(0, this.#length);
    this.#partial = null;
    this.#headerUsed = 0;
    return record;
  }

  #readHeader(): boolean {
    if (this.#headerUsed < recordHeaderBytes) {
      const chunk = this.#chunk;
      if (chunk === null || chunk.length === 0) return false;
      const taken = Math.min(recordHeaderBytes - this.#headerUsed, chunk.length);
      this.#consume(taken).copy(this.#header, this.#headerUsed);
      this.#headerUsed += taken;
      if (this.#headerUsed < recordHeaderBytes) return false;
      this.#length = this.#header.readUInt32BE(0);
      if (this.#length === 0) throw new FrameError('empty record');
      if (this.#length > this.limitBytes) {
        throw new FrameError(`record of ${this.#length} bytes; the limit is ${this.limitBytes}`);
      }
    }
    return true;
  }

  #fill(): void {
    const chunk = this.#chunk;
    if (chunk === null || chunk.length === 0) return;
    const taken = Math.min(this.#length - this.#partialUsed, chunk.length);
    const needed = this.#partialUsed + taken;
    if (needed > this.#partial!.length) {
      const larger = Buffer.allocUnsafe(Math.min(this.#length, Math.max(needed, this.#partial!.length * 2)));
      this.#partial!.copy(larger, 0, 0, this.#partialUsed);
      this.#partial = larger;
    }
    this.#consume(taken).copy(this.#partial!, this.#partialUsed);
    this.#partialUsed = needed;
  }

  #consume(bytes: number): Buffer {
    const chunk = this.#chunk!;
    const taken = chunk.subarray(0, bytes);
    this.#chunk = bytes === chunk.length ? null : chunk.subarray(bytes);
    return taken;
  }
}

/** Calls `onFrame` for each frame in a verified record body. @throws FrameError */
export function readFrames(body: Buffer, onFrame: (frame: Frame) => void): void {
  let at = 0;
  while (at < body.length) {
    if (body.length - at < frameHeaderBytes) throw new FrameError('frame header cut short');
    const size = body.readUInt32BE(at) + 4;
    const end = at + size;
    if (size < frameHeaderBytes || end > body.length)
      throw new FrameError(`frame of ${size} bytes does not fit its record`);
    const type = typeByCode[body[at + 4]!];
    if (type === undefined) throw new FrameError(`unknown frame type ${body[at + 4]}`);
    const id = body.readUInt32BE(at + 5);
    const methodEnd = at + frameHeaderBytes + body[at + 9]!;
    if (methodEnd > end) throw new FrameError('method name cut short');
    const method = methodEnd === at + frameHeaderBytes ? '' : body.toString('latin1', at + frameHeaderBytes, methodEnd);
    const text = methodEnd === end ? '' : body.toString('utf8', methodEnd, end);
    at = end;
    onFrame({ type, id, method, body: text, bytes: size });
  }
}
