/**
 * Global transaction identifiers as callers write them: `gtrid`, `formatID:gtrid` or `formatID:gtrid:bqual`; at most 64 bytes each (X/Open XA, 4.2). The global
 * transaction itself mostly has no bqual: branches get theirs from the coordinator. One identifier has one canonical text.
 */

export type Xid = { readonly formatId: number; readonly gtrid: string; readonly bqual: string };

/** Of URLs and of every resource manager's literals. */
const part = /^[A-Za-z0-9._~+=@-]{1,64}$/;
const longestFormatId = 2_147_483_647;

/** Null: it is none. */
export function parseXid(text: string): Xid | null {
  const parts = text.split(':');
  if (parts.length > 3) return null;
  const [format, gtrid = '', bqual = ''] = parts.length === 1 ? ['0', parts[0]] : parts;
  if (!/^\d{1,10}$/.test(format!) || Number(format) > longestFormatId) return null;
  if (!part.test(gtrid) || (bqual !== '' && !part.test(bqual))) return null;
  return { formatId: Number(format), gtrid, bqual };
}

export function xidText({ formatId, gtrid, bqual }: Xid): string {
  if (bqual !== '') return `${formatId}:${gtrid}:${bqual}`;
  return formatId === 0 ? gtrid : `${formatId}:${gtrid}`;
}
