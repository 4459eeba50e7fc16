import { describe, expect, it } from 'vitest';
import { parseLsn } from '../kernel/lsn';
import { progressOf, segmentStart } from './recovery-progress';

describe('the title of a startup process', () => {
  it.each([
    ['postgres: node-2: startup recovering 000000010000000000000003', '0/3000000'],
    ['postgres: startup recovering 00000002000000AB000000FF', 'AB/FF000000'],
    ['postgres: node-2: startup waiting for 000000010000000000000003', '0/3000000'],
  ])('%s', (title, lsn) => expect(segmentStart(title)).toBe(parseLsn(lsn)));
  it.each(['postgres: node-2: startup', 'postgres: node-2: startup waiting for 00000002.history', ''])(
    '%s says nothing',
    (title) => expect(segmentStart(title)).toBeNull(),
  );
});

describe('progress', () => {
  const mib = 1024 * 1024;
  const at = (lsn: string, atMs: number) => ({ lsn: parseLsn(lsn), atMs });

  it('tells what is done, what is left and how fast it goes', () => {
    expect(progressOf(at('0/10000000', 0), at('0/14000000', 2_000), parseLsn('0/20000000'))).toEqual({
      replayedLsn: '0/14000000',
      untilLsn: '0/20000000',
      doneBytes: 64 * mib,
      restBytes: 192 * mib,
      bytesPerSecond: 32 * mib,
    });
  });
  it('knows no rate by one look, and no end where pg_control has none', () => {
    expect(progressOf(at('0/10000000', 0), at('0/10000000', 0), 0n)).toMatchObject({
      untilLsn: null,
      restBytes: null,
      bytesPerSecond: null,
    });
  });
  it('is at the end in the last segment', () => {
    expect(progressOf(at('0/10000000', 0), at('0/15000000', 500), parseLsn('0/14FFFF00')).restBytes).toBe(0);
  });
});
