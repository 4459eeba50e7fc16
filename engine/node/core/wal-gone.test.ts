import { expect, it } from 'vitest';
import { walIsGone } from './wal-gone';

const since = Date.parse('2026-01-01T00:00:10Z');
const gone = (at: string) => ({
  at,
  message:
    'could not receive data from WAL stream: ERROR:  requested WAL segment 000000010000000000000003 has already been removed',
});

it.each([
  ['said since it last streamed', [gone('2026-01-01T00:00:11Z')], true],
  ['said in an earlier life only', [gone('2026-01-01T00:00:09Z')], false],
  ['said in both', [gone('2026-01-01T00:00:01Z'), gone('2026-01-01T00:00:12Z')], true],
  [
    'something else was said',
    [{ at: '2026-01-01T00:00:11Z', message: 'could not connect to the primary server' }],
    false,
  ],
  ['nothing was said', [], false],
] as const)('%s', (_, lines, expected) => {
  expect(walIsGone(lines, since)).toBe(expected);
});
