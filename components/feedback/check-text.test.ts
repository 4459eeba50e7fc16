import { expect, it } from 'vitest';
import { limitText, measureText } from './check-text';

it.each([
  ['0 bytes', '0 bytes'],
  ['268435456 bytes', '256 MB'],
  ['≤ 16777216 bytes', '≤ 16 MB'],
  ['132 ms', '132 ms'],
])('%s reads %s', (text, read) => expect(measureText(text)).toBe(read));

it.each([
  ['≤ 2000 ms', '132 ms', 'limit ≤ 2000 ms'],
  ['> 0 for an automatic promotion', '100', 'limit > 0 for an automatic promotion'],
  ['standby', 'stopped', 'expected standby'],
  ['standby', 'standby', null],
  [null, 'standby', null],
])('limit %s at %s reads %s', (limit, measured, read) => expect(limitText(limit, measured)).toBe(read));
