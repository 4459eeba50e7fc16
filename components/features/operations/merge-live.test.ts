import { expect, it } from 'vitest';
import { mergeLive } from './merge-live';

it('live rows win, new ones come first, unwanted ones stay out', () => {
  const listed = [
    { id: 'a', created_at: '2026-01-01', state: 'running' },
    { id: 'b', created_at: '2026-01-02', state: 'succeeded' },
  ];
  const live = [
    { id: 'a', created_at: '2026-01-01', state: 'succeeded' },
    { id: 'c', created_at: '2026-01-03', state: 'running' },
  ];
  expect(mergeLive(listed, live, () => true).map((row) => `${row.id}:${row.state}`)).toEqual([
    'c:running',
    'b:succeeded',
    'a:succeeded',
  ]);
  expect(mergeLive(listed, live, (row) => row.state === 'running').map((row) => row.id)).toEqual(['c']);
});
