import { expect, it } from 'vitest';
import { limitText, measureText, ruleName } from './check-text';

it.each([
  ['0 bytes', '0 bytes'],
  ['268435456 bytes', '256 MB'],
  ['≤ 16777216 bytes', '≤ 16 MB'],
  ['132 ms', '132 ms'],
  ['1 voters', '1 voter'],
  ['21 voters', '21 voters'],
  ['0.1 bytes', '0.1 bytes'],
  ['1 of 1 voters', '1 of 1 voter'],
])('%s reads %s', (text, read) => expect(measureText(text)).toBe(read));

it.each([
  ['≤ 2000 ms', '132 ms', 'limit ≤ 2000 ms'],
  ['> 0 for an automatic promotion', '100', 'limit > 0 for an automatic promotion'],
  ['standby', 'stopped', 'expected standby'],
  ['standby', 'standby', null],
  [null, 'standby', null],
])('limit %s at %s reads %s', (limit, measured, read) => expect(limitText(limit, measured)).toBe(read));

it.each([
  ['keeps-wal', 'Keeps WAL'],
  ['wal-level-is-logical', 'WAL level is logical'],
  ['postgresql-is-a-standby', 'PostgreSQL is a standby'],
  ['postgres-serves', 'PostgreSQL serves'],
  ['no-troubles', 'No troubles'],
])('the rule %s reads %s', (rule, name) => expect(ruleName(rule)).toBe(name));
