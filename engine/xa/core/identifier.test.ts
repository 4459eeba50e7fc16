import { describe, expect, it } from 'vitest';
import { type BranchName, gidOf, mariaXidOf, parseGid, parseMariaXid } from './identifier';

const name: BranchName = {
  cluster: '0123abcd',
  group: 'alpha',
  groupMark: 'deadbeef',
  transaction: 'f'.repeat(32),
  branch: 31,
};
const longest: BranchName = { ...name, group: 'g'.repeat(63), branch: 999 };

/** As XA RECOVER gives it back. */
function recovered(text: string) {
  const [, gtrid, bqual, formatId] = /^'(.*)','(.*)',(\d+)$/.exec(text)!;
  return { gtrid: gtrid!, bqual: bqual!, formatId: Number(formatId) };
}

describe('names of branches', () => {
  it.each([name, { ...name, branch: 0 }, { ...name, group: 'a-1-b' }, longest])('come back as they were', (one) => {
    expect(parseGid(gidOf(one))).toEqual(one);
    expect(parseMariaXid(recovered(mariaXidOf(one)))).toEqual({ ...one, group: null });
  });
  it('fit what the servers take', () => {
    // PostgreSQL: less than 200 bytes (GIDSIZE, with its end).
    expect(Buffer.byteLength(gidOf(longest))).toBeLessThan(200);
    const { gtrid, bqual, formatId } = recovered(mariaXidOf(longest));
    expect(Buffer.byteLength(gtrid)).toBeLessThanOrEqual(64);
    expect(Buffer.byteLength(bqual)).toBeLessThanOrEqual(64);
    expect(formatId).toBe(0x52445842);
  });
  const gid = gidOf(name);
  it.each([
    '',
    'somebody else',
    'rustydb:',
    ` ${gid}`,
    `${gid} `,
    `${gid}\n`,
    `${gid}0000`,
    `${gid}:1`,
    gid.toUpperCase(),
    gid.replace('rustydb', 'other'),
    gid.replace('alpha', ''),
    gid.replace('alpha', '-a'),
    gid.replace('alpha', 'g'.repeat(64)),
    gid.replace('0123abcd', '0123abc'),
    gid.replace('ffff', 'fff'),
    gid.replace(/31$/, '-1'),
  ])('%j is foreign', (one) => expect(parseGid(one)).toBeNull());
  const xid = recovered(mariaXidOf(name));
  it.each([
    { ...xid, formatId: 1 },
    { ...xid, gtrid: `${xid.gtrid}0` },
    { ...xid, gtrid: '' },
    { ...xid, bqual: '' },
    { ...xid, bqual: `${xid.bqual}00` },
    { ...xid, bqual: xid.gtrid, gtrid: xid.bqual },
  ])('%j is foreign to MariaDB', (one) => expect(parseMariaXid(one)).toBeNull());
});
