/** Ids and hashes of operations: uuid v7 (time-ordered, so that keys sort by age) and sha256 of a plan's meaning. */
import { createHash, randomBytes } from 'node:crypto';
import type { OperationId } from '../kernel/ids';

/** `random`: [0, 1); absent: the system's own. */
export function newOperationId(nowMs: number, random?: () => number): OperationId {
  const bytes = random ? Buffer.from(Array.from({ length: 16 }, () => Math.floor(random() * 256))) : randomBytes(16);
  bytes.writeUIntBE(Math.floor(nowMs), 0, 6);
  bytes[6] = (bytes[6]! & 0x0f) | 0x70;
  bytes[8] = (bytes[8]! & 0x3f) | 0x80;
  const hex = bytes.toString('hex');
  return `${hex.slice(0, 8)}-${hex.slice(8, 12)}-${hex.slice(12, 16)}-${hex.slice(16, 20)}-${hex.slice(20)}`;
}

export function sha256(text: string): string {
  return createHash('sha256').update(text).digest('hex');
}
