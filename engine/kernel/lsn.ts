/** PostgreSQL log sequence numbers: `bigint` bytes inside, `0/16B3740` outside. */

/** Byte position in the WAL. */
export type Lsn = bigint;
/** Text form `XXXXXXXX/XXXXXXXX` (upper-case hex), as in PostgreSQL and on the wire. */
export type LsnText = string;

const lsnPattern = /^([0-9A-Fa-f]{1,8})\/([0-9A-Fa-f]{1,8})$/;

/** @throws RangeError when `text` is no LSN. */
export function parseLsn(text: LsnText): Lsn {
  const match = lsnPattern.exec(text);
  if (!match) throw new RangeError(`not an LSN: ${JSON.stringify(text)}`);
  return (BigInt(`0x${match[1]}`) << 32n) | BigInt(`0x${match[2]}`);
}

export function formatLsn(lsn: Lsn): LsnText {
  const high = (lsn >> 32n).toString(16).toUpperCase();
  const low = (lsn & 0xffffffffn).toString(16).toUpperCase();
  return `${high}/${low}`;
}

/** `a − b` in bytes as a number, never below 0; saturates at 2^53 − 1. Null where either side is unknown. */
export function lagBytes(a: LsnText | null, b: LsnText | null): number | null {
  if (a === null || b === null) return null;
  const difference = parseLsn(a) - parseLsn(b);
  if (difference <= 0n) return 0;
  return difference > BigInt(Number.MAX_SAFE_INTEGER) ? Number.MAX_SAFE_INTEGER : Number(difference);
}

export function maxLsn(a: Lsn, b: Lsn): Lsn {
  return a > b ? a : b;
}
