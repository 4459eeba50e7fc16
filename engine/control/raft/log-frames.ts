/**
 * Frames of the files on disk: `magic, length, crc32 of the body, crc32 of the header`, then the body. One write is one frame, and the next write
 * begins only after this one is fsynced; so only the last frame of a file can be torn, and anything else that doesn't check is damage.
 */
import { crc32 } from 'node:zlib';

const magic = 0x52444231;
export const headerBytes = 16;
/** A frame holds one group commit or one snapshot. */
const maxBodyBytes = 512 << 20;

export function encodeFrame(body: Buffer): Buffer {
  return Buffer.concat([frameHeader(body.length, crc32(body)), body]);
}

/** For a body that is written in pieces: its length and the checksum over all of them. */
export function frameHeader(length: number, crc: number): Buffer {
  const header = Buffer.allocUnsafe(headerBytes);
  header.writeUInt32LE(magic, 0);
  header.writeUInt32LE(length, 4);
  header.writeUInt32LE(crc, 8);
  header.writeUInt32LE(crc32(header.subarray(0, 12)), 12);
  return header;
}

export type Frames = {
  readonly bodies: readonly Buffer[];
  /** Bytes of whole, correct frames from the start. */
  readonly goodBytes: number;
  /** `torn`: the file ends inside its last write. `damaged`: a frame that was once complete is wrong. */
  readonly end: 'clean' | 'torn' | 'damaged';
};

export function decodeFrames(file: Buffer): Frames {
  const bodies: Buffer[] = [];
  let at = 0;
  while (at < file.length) {
    const body = frameAt(file, at);
    if (!body) return { bodies, goodBytes: at, end: anyFrameAfter(file, at) ? 'damaged' : 'torn' };
    bodies.push(body);
    at += headerBytes + body.length;
  }
  return { bodies, goodBytes: at, end: 'clean' };
}

function headerAt(file: Buffer, at: number): { readonly length: number; readonly crc: number } | null {
  if (at + headerBytes > file.length || file.readUInt32LE(at) !== magic) return null;
  if (crc32(file.subarray(at, at + 12)) !== file.readUInt32LE(at + 12)) return null;
  const length = file.readUInt32LE(at + 4);
  return length <= maxBodyBytes ? { length, crc: file.readUInt32LE(at + 8) } : null;
}

function frameAt(file: Buffer, at: number): Buffer | null {
  const header = headerAt(file, at);
  if (!header || at + headerBytes + header.length > file.length) return null;
  const body = file.subarray(at + headerBytes, at + headerBytes + header.length);
  return crc32(body) === header.crc ? body : null;
}

/** A correct frame behind a wrong one proves that the wrong one was complete once. */
function anyFrameAfter(file: Buffer, at: number): boolean {
  const pattern = Buffer.alloc(4);
  pattern.writeUInt32LE(magic, 0);
  for (let found = file.indexOf(pattern, at + 1); found >= 0; found = file.indexOf(pattern, found + 1)) {
    if (frameAt(file, found)) return true;
  }
  return false;
}
