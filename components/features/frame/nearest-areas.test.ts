import { expect, it } from 'vitest';
import { areas } from './areas';
import { nearestAreas } from './nearest-areas';

it.each([
  ['/node/7', 'Nodes'],
  ['/servies', 'Services'],
  ['/raft', 'Consensus'],
  ['/Topolgy', 'Topology'],
])('%s may have meant %s', (path, label) => expect(nearestAreas(areas, path)[0]?.label).toBe(label));

it.each(['/', '/zzzzzzzzzz'])('%s meant nothing that is known', (path) => {
  expect(nearestAreas(areas, path)).toEqual([]);
});
