import { expect, it } from 'vitest';
import { groupLosses } from './group-losses';

const alpha = {
  name: 'alpha',
  primary: 'node-1',
  writable: true,
  automatic_failover: true,
  promotable: 'voters',
  voters: ['node-2', 'node-3'],
  required_acknowledgements: 1,
  on_no_standby: 'degrade',
};

it.each([
  [
    alpha,
    'alpha: losing node-1 only pauses writes; losing it and 1 of node-2, node-3 at once stops them. Losing standbys alone stops none: node-1 goes on, degraded when it is alone.',
  ],
  [
    { ...alpha, required_acknowledgements: 2, on_no_standby: 'wait' },
    'alpha: losing node-1 only pauses writes; losing it and all of node-2, node-3 at once stops them. Losing every standby makes commits wait.',
  ],
  [{ ...alpha, voters: ['node-2'], on_no_standby: 'wait' }, /losing it and node-2 at once/],
  [{ ...alpha, promotable: 'none' }, /losing node-1 stops writes, for no standby/],
  [{ ...alpha, voters: [], required_acknowledgements: 0 }, /losing node-1 stops writes, for no standby/],
  [{ ...alpha, automatic_failover: false }, /until somebody fails over/],
  [{ ...alpha, writable: false }, 'alpha takes no writes now.'],
])('%j', (group, text) => {
  if (typeof text === 'string') expect(groupLosses(group)).toBe(text);
  else expect(groupLosses(group)).toMatch(text);
});
