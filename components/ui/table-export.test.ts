import { describe, expect, it } from 'vitest';
import { compareCells, matches, toCsv, toJson } from './table-export';

type Row = { name: string; lag: number | null };
const columns = [
  { header: 'name', value: (row: Row) => row.name },
  { header: 'lag', value: (row: Row) => row.lag },
];

describe('CSV', () => {
  it('quotes commas, quotes and line ends', () => {
    expect(toCsv(columns, [{ name: 'a,"b"\nc', lag: 3 }])).toBe('name,lag\r\n"a,""b""\nc",3\r\n');
  });

  it('leaves nothing empty and numbers unquoted, also negative ones', () => {
    expect(
      toCsv(columns, [
        { name: 'x', lag: null },
        { name: 'y', lag: -5 },
      ]),
    ).toBe('name,lag\r\nx,\r\ny,-5\r\n');
  });

  it.each(['=1+1', '+1', '-cmd', '@sum'])('defuses the formula %s', (name) => {
    expect(toCsv(columns, [{ name, lag: 1 }])).toContain(`'${name}`);
  });
});

it('JSON keeps types', () => {
  expect(JSON.parse(toJson(columns, [{ name: 'x', lag: null }]))).toEqual([{ name: 'x', lag: null }]);
});

it('a filter needs every word, in any column, whatever the case', () => {
  const row = { name: 'Node-12', lag: 400 };
  expect(matches(columns, row, '')).toBe(true);
  expect(matches(columns, row, 'node 400')).toBe(true);
  expect(matches(columns, row, 'node 500')).toBe(false);
});

it('sorts the way people count, with nothing last', () => {
  expect(['node-10', 'node-2', null, 'node-1'].sort(compareCells)).toEqual(['node-1', 'node-2', 'node-10', null]);
  expect([10, 9, 100].sort(compareCells)).toEqual([9, 10, 100]);
});
