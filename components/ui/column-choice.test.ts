import { expect, it } from 'vitest';
import { hiddenColumns, toggledColumn } from './column-choice';

const columns = [{ id: 'id' }, { id: 'lag' }, { id: 'memory', hidden: true }, { id: 'why' }];

it('an address without a choice is the table as it comes', () => {
  expect([...hiddenColumns(columns, '')]).toEqual(['memory']);
});

it('a choice names what is shown, and survives the columns that are gone', () => {
  expect([...hiddenColumns(columns, 'id,memory')]).toEqual(['lag', 'why']);
  expect([...hiddenColumns(columns, 'id,gone')]).toEqual(['lag', 'memory', 'why']);
  expect([...hiddenColumns(columns, 'gone')]).toEqual(['memory']);
});

it('toggling goes to the address and back to nothing', () => {
  const more = toggledColumn(columns, '', 'memory');
  expect(more).toBe('id,lag,memory,why');
  expect(toggledColumn(columns, more, 'memory')).toBe('');
  expect(toggledColumn(columns, '', 'lag')).toBe('id,why');
});

it('the last column stays', () => {
  expect(toggledColumn(columns, 'id', 'id')).toBe('id');
});
