/** How callers name a transaction. What is none is refused here, before a node is asked; what it is, the engine says. */
import { z } from 'zod';
import { parseXid } from '@/engine/xa/core/xid';

/** Three parts of 64 bytes, and the colons between them. */
const longest = 3 * 64 + 2;

export const xid = z
  .string()
  .max(longest)
  .refine(
    (text) => parseXid(text) !== null,
    'gtrid, formatID:gtrid or formatID:gtrid:bqual: a whole number, and 1 to 64 letters, digits and . _ ~ + = @ -',
  )
  .meta({ description: 'Transaction id: gtrid, formatID:gtrid or formatID:gtrid:bqual' });
