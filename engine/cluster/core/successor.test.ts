import { expect, it } from 'vitest';
import { type SuccessorFacts, successorPossible } from './successor';

const facts: SuccessorFacts = {
  record: {
    mode: 'semi_synchronous',
    automaticFailover: true,
    promotable: 'voters',
    voterSet: { members: ['b', 'c'], k: 1 },
  },
  autoFailover: true,
  primaryInMaintenance: false,
  answering: ['b', 'c'],
  streaming: [],
};
const record = (more: Partial<SuccessorFacts['record']>) => ({ ...facts, record: { ...facts.record, ...more } });
const asynchronous = record({ mode: 'asynchronous', voterSet: { members: [], k: 0 } });

it.each<[string, SuccessorFacts, boolean]>([
  ['enough voters answer', facts, true],
  ['a voter whose promise is needed does not answer', { ...facts, answering: ['b'] }, false],
  [
    'one of two is enough where both must acknowledge',
    { ...record({ voterSet: { members: ['b', 'c'], k: 2 } }), answering: ['c'] },
    true,
  ],
  ['the group is degraded', record({ promotable: 'none' }), false],
  ['automatic failover is off for the cluster', { ...facts, autoFailover: false }, false],
  ['automatic failover is off for the group', record({ automaticFailover: false }), false],
  ['the primary is in maintenance', { ...facts, primaryInMaintenance: true }, false],
  ['asynchronous: one that streamed lately answers', { ...asynchronous, streaming: ['c'] }, true],
  ['asynchronous: who streamed does not answer', { ...asynchronous, answering: ['b'], streaming: ['c'] }, false],
  ['asynchronous: nobody streamed lately', asynchronous, false],
])('a successor is possible: %s', (_what, given, expected) => expect(successorPossible(given)).toBe(expected));
