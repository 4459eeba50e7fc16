import { describe, expect, it } from 'vitest';
import { changesFor, type DriftInput } from './settings-drift';

const base: DriftInput = {
  wanted: { work_mem: '8MB' },
  lastWanted: { work_mem: '8MB' },
  file: new Map([['work_mem', '8MB']]),
  seen: new Map([['work_mem', '8MB']]),
  remembered: new Set(['work_mem']),
};

describe('what to change so that the file says what the record wants', () => {
  const table: readonly [string, Partial<DriftInput>, Record<string, string | null>][] = [
    ['nothing when it does', {}, {}],
    ['a value that is not there yet', { file: new Map(), seen: new Map(), lastWanted: {} }, { work_mem: '8MB' }],
    ['a value that the record changed', { wanted: { work_mem: '9MB' } }, { work_mem: '9MB' }],
    ['a value that somebody changed by hand', { file: new Map([['work_mem', '1MB']]) }, { work_mem: '8MB' }],
    ['a value that somebody reset by hand', { file: new Map() }, { work_mem: '8MB' }],
    [
      'a name that the record dropped, also while the node was down',
      { wanted: {}, lastWanted: {} },
      { work_mem: null },
    ],
    ['nothing of what was only ever set by hand', { file: new Map([...base.file, ['jit', 'on']]) }, {}],
    [
      'nothing when PostgreSQL wrote the same value in its own way',
      {
        wanted: { search_path: 'a,b' },
        lastWanted: { search_path: 'a,b' },
        file: new Map([['search_path', 'a, b']]),
        seen: new Map([['search_path', 'a, b']]),
        remembered: new Set(['search_path']),
      },
      {},
    ],
    [
      'a name in another case is the same name',
      {
        wanted: { DateStyle: 'ISO' },
        lastWanted: {},
        file: new Map([['datestyle', 'ISO']]),
        remembered: new Set(['datestyle']),
      },
      {},
    ],
  ];
  for (const [what, input, expected] of table)
    it(what, () => expect(changesFor({ ...base, ...input })).toEqual(expected));
});
