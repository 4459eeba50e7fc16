/**
 * WebSocket text frames made once and written to many sockets. Writes of one turn are put together, so that a burst costs one system call a
 * socket, not one an event. Only for sockets without compression whose other frames are written in one piece, as ours are.
 */
import type { Duplex } from 'node:stream';

/** An unmasked, final text frame (RFC 6455, 5.2). */
export function textFrame(text: string): Buffer {
  const content = Buffer.from(text);
  const { length } = content;
  if (length < 126) return Buffer.concat([Buffer.from([0x81, length]), content]);
  if (length < 65_536) return Buffer.concat([Buffer.from([0x81, 126, length >> 8, length & 0xff]), content]);
  const header = Buffer.alloc(10);
  header[0] = 0x81;
  header[1] = 127;
  header.writeBigUInt64BE(BigInt(length), 2);
  return Buffer.concat([header, content]);
}

const corked = new Set<Duplex>();

function flush(): void {
  for (const transport of corked) transport.uncork();
  corked.clear();
}

/** Goes out at the end of this turn, with what else is written to the same socket in it. */
export function writeTogether(transport: Duplex, frame: Buffer): void {
  if (!corked.has(transport)) {
    if (corked.size === 0) setImmediate(flush);
    corked.add(transport);
    transport.cork();
  }
  transport.write(frame);
}
