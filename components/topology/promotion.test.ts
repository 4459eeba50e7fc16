import { describe, expect, it } from 'vitest';
import type { MapNode } from './model';
import { dropVerdict, nodeUnder } from './promotion';

const base: MapNode = {
  id: 'node-2',
  group: 'alpha',
  region: 'us-east',
  role: 'standby',
  status: 'healthy',
  statusReason: '',
  lsn: '0/5000000',
  lagBytes: 0,
  lagMs: 0,
  cpuPercent: 0,
  connections: 0,
  transactionsPerSecond: 0,
  holdsLease: false,
  leadsStore: false,
  replayPaused: false,
  activity: null,
};
const primary: MapNode = { ...base, id: 'node-1', role: 'primary' };

describe('dropping a standby', () => {
  it('on its own primary is allowed', () => {
    expect(dropVerdict(base, primary, null)).toEqual({ kind: 'allowed', target: 'node-2', group: 'alpha' });
  });

  it('anywhere else is nothing', () => {
    expect(dropVerdict(base, null, null).kind).toBe('none');
    expect(dropVerdict(base, { ...base, id: 'node-3' }, null).kind).toBe('none');
  });

  it.each([
    ['on another group', base, { ...primary, group: 'beta' }, null, /belongs to group alpha/],
    ['stopped', { ...base, status: 'stopped' }, primary, null, /is stopped/],
    ['in maintenance', { ...base, status: 'maintenance' }, primary, null, /in maintenance/],
    ['without a position', { ...base, lsn: null }, primary, null, /no WAL position/],
    ['refused by the preflight', base, primary, 'lag 3 MB, limit 1 MB', /lag 3 MB/],
  ])('%s is refused with the reason', (_name, dragged, over, refusal, reason) => {
    const verdict = dropVerdict(dragged, over, refusal);
    expect(verdict.kind).toBe('refused');
    expect(verdict.kind === 'refused' && verdict.reason).toMatch(reason);
  });
});

it('finds the place under the centre of the card', () => {
  const places = new Map([
    ['node-1', { x: 0, y: 0, width: 100, height: 50 }],
    ['node-2', { x: 200, y: 0, width: 100, height: 50 }],
  ]);
  const size = { width: 100, height: 50 };
  expect(nodeUnder({ x: 10, y: 10 }, size, places, 'node-2')).toBe('node-1');
  expect(nodeUnder({ x: 60, y: 10 }, size, places, 'node-2')).toBeNull();
  expect(nodeUnder({ x: 200, y: 0 }, size, places, 'node-2')).toBeNull();
});
