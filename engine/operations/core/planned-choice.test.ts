import { describe, expect, it } from 'vitest';
import { cluster } from '../../testing/cluster-fixture';
import { choose } from './candidates';

/** The primary was stopped by the operation itself; `shutdownLsn` null: it died in that stop. */
function chosen(
  mode: 'asynchronous' | 'semi_synchronous',
  options: {
    lsn: string;
    shutdownLsn: string | null;
    allowDataLoss?: boolean;
    oldPrimaryKept?: boolean;
    nothingMayBeLost?: boolean;
    both?: boolean;
  },
) {
  const snapshot = cluster({
    group: { mode, ...(mode === 'asynchronous' ? { voterSet: { members: [], k: 0 } } : {}) },
    leaseRemainingMs: 0,
  });
  const group = snapshot.groups.get('alpha')!;
  const { lsn, shutdownLsn, allowDataLoss = false, oldPrimaryKept = true, nothingMayBeLost = false } = options;
  const promise = { node: 'node-2', epoch: 5, timeline: 2, lsn, receiveLsn: lsn, replayLsn: lsn, inRecovery: true };
  return choose(snapshot, group, {
    mode: 'failover',
    automatic: false,
    allowDataLoss,
    record: group.record,
    promises: options.both ? [promise, { ...promise, node: 'node-3' }] : [promise],
    target: 'node-2',
    excluded: [],
    shutdownLsn,
    oldPrimaryKept,
    nothingMayBeLost,
  });
}

describe('after a planned stop', () => {
  it('an asynchronous group gives nothing up: a standby without everything is not promoted', () => {
    expect(chosen('asynchronous', { lsn: '0/3000000', shutdownLsn: '0/4000001' })).toMatchObject({ kind: 'none' });
    expect(chosen('asynchronous', { lsn: '0/3000000', shutdownLsn: null })).toMatchObject({ kind: 'none' });
  });

  it('whoever has everything is promoted, in every mode and alone', () => {
    expect(chosen('asynchronous', { lsn: '0/4000028', shutdownLsn: '0/4000001' })).toMatchObject({ node: 'node-2' });
    expect(chosen('semi_synchronous', { lsn: '0/4000028', shutdownLsn: '0/4000001' })).toMatchObject({
      node: 'node-2',
    });
  });

  it('an admin may give data up', () => {
    const asked = { lsn: '0/3000000', shutdownLsn: null, allowDataLoss: true };
    expect(chosen('asynchronous', asked)).toMatchObject({ node: 'node-2' });
  });
});

describe('after a primary that was lost in a planned change', () => {
  const lost = { lsn: '0/3000000', shutdownLsn: null, oldPrimaryKept: false };
  it('an asynchronous group that does not fail over by itself waits for it', () => {
    expect(chosen('asynchronous', { ...lost, nothingMayBeLost: true })).toMatchObject({
      kind: 'none',
      why: expect.stringContaining('does not fail over by itself'),
    });
  });
  it('one that fails over by itself goes on as a failover', () => {
    expect(chosen('asynchronous', lost)).toMatchObject({ node: 'node-2' });
  });
  it('who asked to give data up gets what was asked for', () => {
    expect(chosen('asynchronous', { ...lost, nothingMayBeLost: true, allowDataLoss: true })).toMatchObject({
      node: 'node-2',
    });
  });
  it('a synchronous group loses nothing by its promises, so the change goes on', () => {
    expect(chosen('semi_synchronous', { ...lost, both: true, nothingMayBeLost: true })).toMatchObject({
      node: 'node-2',
    });
  });
});
