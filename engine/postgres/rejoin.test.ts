import { describe, expect, it } from 'vitest';
import { compareHistories } from './rejoin';

const end = (timeline: number, forkLsn: string) => ({ timeline, forkLsn });

describe('may an old primary follow', () => {
  it.each([
    ['ends before the fork', { timeline: 1, lsn: '0/FF', history: [] }, [end(1, '0/100')], 2],
    ['ends at the fork', { timeline: 1, lsn: '0/100', history: [] }, [end(1, '0/100')], 2],
    ['same timeline', { timeline: 2, lsn: '0/200', history: [end(1, '0/100')] }, [end(1, '0/100')], 2],
    [
      'same timeline, no further than the primary',
      { timeline: 2, lsn: '0/200', history: [end(1, '0/100')] },
      [end(1, '0/100')],
      2,
      '0/200',
    ],
    ['two promotions missed', { timeline: 1, lsn: '0/100', history: [] }, [end(1, '0/100'), end(2, '0/200')], 3],
    [
      'on the second of three',
      { timeline: 2, lsn: '0/1F0', history: [end(1, '0/100')] },
      [end(1, '0/100'), end(2, '0/200')],
      3,
    ],
  ])('yes: %s', (_why, local, history, timeline, primaryLsn?: string) => {
    expect(compareHistories(local, history, timeline, primaryLsn)).toEqual({ kind: 'can-follow' });
  });

  it.each([
    ['one byte past the fork', { timeline: 1, lsn: '0/101', history: [] }, [end(1, '0/100')], 2, '0/100', 1],
    [
      'promoted beside the primary, from the same timeline',
      { timeline: 2, lsn: '0/180', history: [end(1, '0/140')] },
      [end(1, '0/100')],
      2,
      '0/100',
      0x80,
    ],
    [
      'a timeline that the primary never had',
      { timeline: 3, lsn: '0/300', history: [end(1, '0/100'), end(2, '0/200')] },
      [end(1, '0/100')],
      2,
      '0/200',
      0x100,
    ],
    [
      'the same number, another birth',
      { timeline: 2, lsn: '0/120', history: [end(1, '0/90')] },
      [end(1, '0/100'), end(2, '0/200')],
      3,
      '0/90',
      0x90,
    ],
  ])('no: %s', (_why, local, history, timeline, forkLsn, divergentBytes) => {
    expect(compareHistories(local, history, timeline)).toEqual({
      kind: 'diverged',
      localLsn: local.lsn,
      forkLsn,
      divergentBytes,
    });
  });
});

it('who has more of the primary’s own timeline than the primary has not got it from there', () => {
  const local = { timeline: 2, lsn: '0/201', history: [end(1, '0/100')] };
  expect(compareHistories(local, [end(1, '0/100')], 2, '0/200')).toEqual({
    kind: 'diverged',
    localLsn: '0/201',
    forkLsn: '0/200',
    divergentBytes: 1,
  });
});

it('a standby promoted by hand has diverged by its timeline alone', () => {
  const local = { timeline: 2, lsn: '0/180', history: [end(1, '0/100')] };
  expect(compareHistories(local, [], 1, '0/200')).toMatchObject({ kind: 'diverged', forkLsn: '0/100' });
});
