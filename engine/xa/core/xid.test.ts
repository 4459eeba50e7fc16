import { describe, expect, it } from 'vitest';
import { parseXid, xidText } from './xid';

const canonical = {
  order: 'order',
  '0:order': 'order',
  '0:order:': 'order',
  '000:order': 'order',
  '7:order': '7:order',
  '007:order:': '7:order',
  '7:order:b': '7:order:b',
  '0:order:b': '0:order:b',
  '2147483647:a:b': '2147483647:a:b',
  'a.b_c~d+e=f@g-h': 'a.b_c~d+e=f@g-h',
};

const refused = ['', ':', '7:', '7::b', ':a', '-1:a', '1e3:a', '2147483648:a', '99999999999:a', 'a:b', '1:a:b:c'];
const badParts = ['a b', "a'b", 'a"b', 'a/b', 'a\\b', 'a\nb', 'a\n', 'ä', 'a\0', 'a,b', 'a'.repeat(65)];

describe('identifiers of callers', () => {
  it.each(Object.entries(canonical))('%s is %s, and that is itself', (text, expected) => {
    expect(xidText(parseXid(text)!)).toBe(expected);
    expect(xidText(parseXid(expected)!)).toBe(expected);
  });
  it('takes 64 bytes of each part', () => {
    const longest = 'a'.repeat(64);
    expect(parseXid(`1:${longest}:${longest}`)).toEqual({ formatId: 1, gtrid: longest, bqual: longest });
  });
  it.each([...refused, ...badParts, ...badParts.map((part) => `1:a:${part}`)])('refuses %j', (text) => {
    expect(parseXid(text)).toBeNull();
  });
});
