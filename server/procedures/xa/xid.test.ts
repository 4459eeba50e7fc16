/** Which texts name a transaction. */
import { expect, it } from 'vitest';
import { xid } from './xid';

it.each(['order-4711', '0:a', '1:order-4711:0', '2147483647:g:', `1:${'g'.repeat(64)}:${'b'.repeat(64)}`])(
  'takes %s',
  (text) => {
    expect(xid.safeParse(text).success).toBe(true);
  },
);

it.each(['', '1::b', 'a:b:c:d', '-1:g:b', '2147483648:g', 'x:g', `1:${'g'.repeat(65)}:b`, '1:ü', '1:g\n:b', "1:';--"])(
  'refuses %j, and says what one is',
  (text) => {
    expect(xid.safeParse(text).error?.issues[0]?.message).toContain('formatID:gtrid:bqual');
  },
);
