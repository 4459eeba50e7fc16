import { describe, expect, it } from 'vitest';
import { danglingMarks } from './timeline-reservations';

describe('marks of skipped timelines that no start survives', () => {
  const real = (timeline: number) => ({ name: `0000000${timeline}.history`, bytes: 42 });
  const mark = (timeline: number) => ({ name: `0000000${timeline}.history`, bytes: 0 });

  it.each([
    ['none', [], []],
    ['of a promotion that died on the first timeline', [mark(2), mark(3)], [2, 3]],
    ['below the history of the promotion', [mark(2), mark(3), real(4)], []],
    ['above it', [mark(2), real(3), mark(4)], [4]],
    [
      'other files',
      [
        { name: '00000002.history.tmp', bytes: 0 },
        { name: '000000010000000000000001', bytes: 0 },
      ],
      [],
    ],
  ])('%s', (_, files, dangling) => {
    expect(danglingMarks(files)).toEqual(dangling.map((timeline) => mark(timeline).name));
  });
});
