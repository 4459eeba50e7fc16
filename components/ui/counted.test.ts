import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { expect, it } from 'vitest';
import { counted, plural } from './counted';

it.each([
  [0, 'session', undefined, '0 sessions'],
  [1, 'session', undefined, '1 session'],
  [2, 'session', undefined, '2 sessions'],
  [12_000, 'row', undefined, '12,000 rows'],
  [1, 'entry', 'entries', '1 entry'],
  [3, 'entry', 'entries', '3 entries'],
])('%i %s: %s', (count, one, many, text) => expect(counted(count, one, many)).toBe(text));

it('chooses a verb too', () => {
  expect([1, 2].map((count) => plural(count, 'check blocks', 'checks block'))).toEqual([
    'check blocks',
    'checks block',
  ]);
});

it('is what decides everywhere in the console', () => {
  const choices = ['app', 'components'].flatMap((folder) =>
    readdirSync(folder, { recursive: true, encoding: 'utf8' })
      .filter((file) => /\.tsx?$/.test(file) && !/\.test\.tsx?$/.test(file))
      .map((file) => join(folder, file))
      .filter((file) => /=== 1 \? '[a-z ]+' : '[a-z ]+'/.test(readFileSync(file, 'utf8'))),
  );
  expect(choices).toEqual([]);
});
