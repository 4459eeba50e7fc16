import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { release } from '../kernel/release';
import { DamagedIdentity, identityFile, levelOf, readIdentity, sealIdentity, writeIdentity } from './node-identity';

let directory: string;
beforeEach(() => {
  directory = mkdtempSync(join(tmpdir(), 'rustydb-identity-'));
});
afterEach(() => rmSync(directory, { recursive: true, force: true }));

const own = { nodeId: 'node-1', incarnation: 'life-1', clusterId: 'cluster-1' };
const content = () => JSON.parse(readFileSync(identityFile(directory), 'utf8')) as Record<string, unknown>;

describe('identity of a node directory', () => {
  it('is what releases before levels write and read, until it is sealed', () => {
    writeIdentity(directory, { ...own, level: 1 });
    expect(content()).toEqual(own);
    writeFileSync(identityFile(directory), JSON.stringify(own));
    expect(readIdentity(directory)).toEqual({ ...own, level: 1, release: '0.1.0' });
  });

  it('once sealed names a cluster that no release before levels can be, and this one reads the real one', () => {
    writeIdentity(directory, { ...own, level: 1 });
    sealIdentity(directory, 2);
    expect(readIdentity(directory)).toEqual({ ...own, level: 2, release });
    // As those releases compare it.
    expect(content().clusterId).not.toBe(own.clusterId);
    expect(content().clusterId).toMatch(/start that release or a newer one, and move nothing away/);
    const before = readFileSync(identityFile(directory), 'utf8');
    sealIdentity(directory, 2);
    expect(readFileSync(identityFile(directory), 'utf8')).toBe(before);
  });

  it('of a newer level is refused with what to start', () => {
    writeFileSync(
      identityFile(directory),
      JSON.stringify({ ...own, cluster: own.clusterId, level: 9, release: '7.1.0' }),
    );
    const sentence = new RegExp(
      `was used by release 7\\.1\\.0 \\(level 9\\).*This is release ${release}.*Start release 7\\.1\\.0`,
    );
    expect(() => readIdentity(directory)).toThrow(sentence);
    expect(() => levelOf(directory)).toThrow(sentence);
  });

  it.each(['', '{', 'null', '{"nodeId":"node-1"}', JSON.stringify({ ...own, level: 'two' })])('damaged: %s', (text) => {
    writeFileSync(identityFile(directory), text);
    expect(() => readIdentity(directory)).toThrow(DamagedIdentity);
    expect(levelOf(directory)).toBe(1);
  });
});
