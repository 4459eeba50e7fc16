/**
 * How callers name a transaction: `gtrid`, `formatID:gtrid` or `formatID:gtrid:bqual`, in the sizes of X/Open XA. What reads otherwise is
 * refused here, before a node is asked.
 */
import { z } from 'zod';

const longestPart = 64;
const largestFormat = 2_147_483_647;

/** Null: it is one. */
export function wrongXid(text: string): string | null {
  const parts = text.split(':');
  if (parts.length > 3) return 'at most three parts, formatID:gtrid:bqual';
  const [format, gtrid, bqual] = parts.length === 1 ? [null, parts[0]!, ''] : [parts[0]!, parts[1]!, parts[2] ?? ''];
  if (format !== null && !(/^\d{1,10}$/.test(format) && Number(format) <= largestFormat)) {
    return `the format id is a whole number from 0 to ${largestFormat}`;
  }
  if (gtrid === '') return 'the global transaction id (gtrid) has at least one byte';
  if (Buffer.byteLength(gtrid) > longestPart)
    return `the global transaction id (gtrid) has at most ${longestPart} bytes`;
  if (Buffer.byteLength(bqual) > longestPart) return `the branch qualifier (bqual) has at most ${longestPart} bytes`;
  return hasControl(text) ? 'no control characters' : null;
}

function hasControl(text: string): boolean {
  return [...text].some((character) => character < ' ' || character === '\u007f');
}

export const xid = z
  .string()
  .max(3 * longestPart + 2)
  .superRefine((text, refinement) => {
    const wrong = wrongXid(text);
    if (wrong !== null) refinement.addIssue({ code: 'custom', message: wrong });
  })
  .meta({ description: 'Transaction id: gtrid, formatID:gtrid or formatID:gtrid:bqual' });
