/** Which texts name a transaction. */
import { expect, it } from 'vitest';
import { xid } from './xid';

it.each(['order-4711', '0:a', '1:order-4711:0', '2147483647:g:', `1:${'g'.repeat(64)}:${'b'.repeat(64)}`])(
  'takes %s',
  (text) => {
    expect(xid.safeParse(text).success).toBe(true);
  },
);

it.each([
  ['', 'at least one byte'],
  ['1::b', 'at least one byte'],
  ['a:b:c:d', 'three parts'],
  ['-1:g:b', 'format id'],
  ['2147483648:g', 'format id'],
  ['x:g', 'format id'],
  [`1:${'g'.repeat(65)}:b`, 'gtrid'],
  [`1:${'ü'.repeat(33)}:b`, 'gtrid'],
  [`1:g:${'b'.repeat(65)}`, 'bqual'],
  ['1:g\n:b', 'control'],
])('refuses %j: %s', (text, why) => {
  expect(xid.safeParse(text).error?.issues[0]?.message).toContain(why);
});
