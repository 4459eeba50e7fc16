import { describe, expect, it } from 'vitest';
import type { Json, Txn } from '../store';
import { applyCommand, emptyKv } from './kv';
import {
  entryApplied,
  grantAppended,
  grantedMs,
  groupsGrantedBy,
  guardRefuses,
  judgeRenewal,
  leaseOf,
  newLeaseTable,
  remainingMs,
  renewed,
  withConfiguredMs,
} from './leases';

const record = (epoch: number, primary: string | null, leaseReleased = false, leaseMs?: number): Json => ({
  epoch,
  primary,
  leaseReleased,
  ...(leaseMs === undefined ? {} : { leaseMs }),
});
const put = (value: Json): Txn => ({ compare: [], mutations: [{ kind: 'put', key: 'groups/g', value }] });
function store(value: Json) {
  const kv = emptyKv();
  applyCommand(kv, { id: '1', txn: put(value) });
  return kv;
}
const held = store(record(3, 'a'));
const table = newLeaseTable(1000, 2000);
const ask = { group: 'g', epoch: 3, holder: 'a' };

describe('leases', () => {
  it('counts every lease from the election until it is renewed', () => {
    expect(remainingMs(table, held, 'g', 1500)).toBe(1500);
    expect(remainingMs(renewed(table, 'g', leaseOf(held, 'g')!, 1500), held, 'g', 1500)).toBe(2000);
  });

  it.each([
    ['free before the first start', store(record(0, null))],
    ['released', store(record(3, 'a', true))],
    ['of no group', emptyKv()],
  ])('is grantable at once when %s', (_, kv) => expect(remainingMs(table, kv, 'g', 1000)).toBeLessThanOrEqual(0));

  it.each([
    [held, ask, 'ok'],
    [held, { ...ask, epoch: 2 }, 'superseded'],
    [held, { ...ask, holder: 'b' }, 'superseded'],
    [store(record(3, 'a', true)), ask, 'superseded'],
    [emptyKv(), ask, 'unknown-group'],
  ] as const)('judges renewal %#', (kv, request, verdict) => expect(judgeRenewal(table, kv, request)).toBe(verdict));

  it('answers no renewal while a grant is unapplied, and again after it was lost', () => {
    const granting = grantAppended(table, 7, ['g']);
    expect(judgeRenewal(granting, held, ask)).toBe('grant-in-flight');
    expect(judgeRenewal(entryApplied(granting, 7, [], 1200), held, ask)).toBe('ok');
  });

  it('lets a new lease run from the moment its grant is applied', () => {
    const granting = grantAppended(table, 7, ['g']);
    const event = { revision: 2, kind: 'put', key: 'groups/g', value: record(4, 'b'), modRevision: 2 } as const;
    expect(remainingMs(entryApplied(granting, 7, [event], 5000), held, 'g', 5000)).toBe(2000);
  });

  it('guards a grant until the lease has run out, and against a guard for another epoch', () => {
    const guarded: Txn = { ...put(record(4, 'b')), leaseGuard: { group: 'g', epoch: 3 } };
    expect(guardRefuses(table, held, guarded, 2999)).toBe(1);
    expect(guardRefuses(table, held, guarded, 3000)).toBeNull();
    expect(guardRefuses(table, held, { ...guarded, leaseGuard: { group: 'g', epoch: 2 } }, 9000)).not.toBeNull();
    expect(guardRefuses(table, held, put(record(4, 'b')), 1000)).toBeNull();
  });

  it('refuses a guarded grant when it is applied to another epoch than it was judged for', () => {
    const kv = store(record(4, 'c'));
    const guarded = { ...put(record(5, 'b')), leaseGuard: { group: 'g', epoch: 3 } };
    expect(applyCommand(kv, { id: '2', txn: guarded })).toEqual({ kind: 'refused', reason: 'lease-held' });
  });

  it('sees grants that do not say so', () => {
    expect(groupsGrantedBy(held, put(record(4, 'b')))).toEqual(['g']);
    expect(groupsGrantedBy(held, put(record(3, 'a', true)))).toEqual(['g']);
    expect(groupsGrantedBy(held, put({ epoch: 3, primary: 'a', leaseReleased: false, mode: 'x' }))).toEqual([]);
  });

  it('never shortens what was promised when another length is configured', () => {
    const lease = leaseOf(held, 'g')!;
    expect(remainingMs(withConfiguredMs(table, 500), held, 'g', 1000)).toBe(2000);
    expect(remainingMs(withConfiguredMs(renewed(table, 'g', lease, 1000), 500), held, 'g', 1000)).toBe(2000);
    expect(remainingMs(renewed(withConfiguredMs(table, 500), 'g', lease, 1000), held, 'g', 1000)).toBe(2000);
    expect(remainingMs(withConfiguredMs(table, 4000), held, 'g', 1000)).toBe(4000);
  });

  const long = store(record(3, 'a', false, 10_000));

  it.each([
    ['a new leader', table],
    ['a leader that learns of a shorter configured length', withConfiguredMs(table, 500)],
    ['a leader that was told of the longer one and then of the shorter', newLeaseTable(1000, 500, 20_000)],
  ])('counts the length that belongs to the grant: %s', (_, counted) => {
    expect(remainingMs(counted, long, 'g', 1000)).toBe(10_000);
    expect(remainingMs(renewed(counted, 'g', leaseOf(long, 'g')!, 4000), long, 'g', 4000)).toBe(10_000);
    expect(grantedMs(counted, long, 'g')).toBe(10_000);
  });

  it('counts a record that does not say its length by the longest that was configured, and tells it no more', () => {
    const counted = newLeaseTable(1000, 500, 20_000);
    expect(remainingMs(counted, held, 'g', 1000)).toBe(20_000);
    expect(grantedMs(counted, held, 'g')).toBe(500);
  });

  it.each([
    [10_000, 2000, 10_000],
    [2000, 10_000, 10_000],
  ])('lets a lease that its holder makes %i → %i ms end no earlier than either allows', (before, after, left) => {
    const kv = store(record(3, 'a', false, before));
    const running = renewed(newLeaseTable(0, 500), 'g', leaseOf(kv, 'g')!, 1000);
    const change = put(record(3, 'a', false, after));
    expect(groupsGrantedBy(kv, change)).toEqual(['g']);
    const onTheWay = grantAppended(running, 9, ['g']);
    expect(judgeRenewal(onTheWay, kv, ask)).toBe('grant-in-flight');
    applyCommand(kv, { id: 'change', txn: change });
    const event = { revision: 2, kind: 'put', key: 'groups/g', value: record(3, 'a', false, after), modRevision: 2 };
    const applied = entryApplied(onTheWay, 9, [event as never], 1000);
    expect(remainingMs(applied, kv, 'g', 1000)).toBe(left);
  });
});
