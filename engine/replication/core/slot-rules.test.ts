import { describe, expect, it } from 'vitest';
import { slot } from '../../testing/slot-fixture';
import { fateOf, isPluginName, isReadyCopy, isSlotName, ownerOf } from './slot-rules';

const logical = { type: 'logical', plugin: 'pgoutput', database: 'app' } as const;
const onPrimary = { node: 'node-1', isPrimary: true, readyOn: [], notReadyOn: ['node-2'] };
const onStandby = { ...onPrimary, node: 'node-2', isPrimary: false };

describe('names', () => {
  it.each([
    ['audit_feed', true],
    ['a', true],
    ['a'.repeat(63), true],
    ['a'.repeat(64), false],
    ['', false],
    ['Audit', false],
    ['audit-feed', false],
    ["a'; DROP", false],
  ])('%s', (name, ok) => expect(isSlotName(name)).toBe(ok));

  it.each([
    ['pgoutput', true],
    ['test_decoding', true],
    ['/tmp/evil.so', false],
    ['../evil', false],
    ['$libdir/x', false],
    ['', false],
  ])('plugin %s', (name, ok) => expect(isPluginName(name)).toBe(ok));
});

describe('what a change of primary makes of a slot', () => {
  it.each([
    ['the engine’s', slot('rustydb_node_2'), onPrimary, 'kept'],
    ['a physical one', slot('archive'), onPrimary, 'stays_behind'],
    ['a logical one', slot('feed', logical), onPrimary, 'stays_behind'],
    ['one with failover, no copy', slot('feed', { ...logical, failover: true }), onPrimary, 'not_ready'],
    [
      'one with failover and a copy',
      slot('feed', { ...logical, failover: true }),
      { ...onPrimary, readyOn: ['node-3'] },
      'follows',
    ],
    ['a copy', slot('feed', { ...logical, failover: true, synced: true }), onStandby, 'follows'],
    [
      'a copy that is not ready',
      slot('feed', { ...logical, failover: true, synced: true, temporary: true }),
      onStandby,
      'not_ready',
    ],
    [
      'an invalid copy',
      slot('feed', { ...logical, synced: true, invalidationReason: 'wal_removed' }),
      onStandby,
      'not_ready',
    ],
    ['a temporary one', slot('pg_basebackup_1', { temporary: true }), onPrimary, 'ends'],
    ['one left on a standby', slot('archive'), onStandby, 'stays_behind'],
    ['a failover one left on a standby', slot('feed', { ...logical, failover: true }), onStandby, 'stays_behind'],
  ] as const)('%s', (_what, of, facts, fate) => {
    const { sentence, ...found } = fateOf(of, facts);
    expect(found.fate).toBe(fate);
    expect(sentence).toMatch(/^[A-Z].+\.$/);
  });

  it('names the standbys with a copy and those without', () => {
    const facts = { ...onPrimary, readyOn: ['node-3'], notReadyOn: ['node-2'] };
    const { sentence } = fateOf(slot('feed', { ...logical, failover: true }), facts);
    expect(sentence).toBe('Goes on after a change of primary to node-3. node-2 holds none yet.');
  });
});

it('tells the engine’s slots from those of users by their prefix, and a copy from a slot', () => {
  expect(ownerOf(slot('rustydb_node_2'))).toBe('engine');
  expect(ownerOf(slot('rustydb'))).toBe('user');
  expect(isReadyCopy(slot('feed'))).toBe(false);
  expect(isReadyCopy(slot('feed', { synced: true }))).toBe(true);
});
