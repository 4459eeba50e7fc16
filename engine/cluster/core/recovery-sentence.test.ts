import { describe, expect, it } from 'vitest';
import { recoverySentence } from './recovery-sentence';

const mib = 1024 * 1024;
const base = { replayedLsn: '0/14000000', untilLsn: '0/20000000', doneBytes: 64 * mib, restBytes: 192 * mib };

describe('a server that replays', () => {
  it.each([
    [{ ...base, bytesPerSecond: 32 * mib }, '64 MiB done, 192 MiB left, 32 MiB/s, about 6 s.'],
    [{ ...base, bytesPerSecond: null }, '64 MiB done, 192 MiB left.'],
    [{ ...base, untilLsn: null, restBytes: null, bytesPerSecond: mib }, 'at 0/14000000, 64 MiB done, 1 MiB/s.'],
  ])('%j', (recovery, says) =>
    expect(recoverySentence(recovery)).toBe(`Replays WAL before it takes connections: ${says}`),
  );
  it.each([null, undefined])('%s says nothing', (recovery) => expect(recoverySentence(recovery)).toBeNull());
});
