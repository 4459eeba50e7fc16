import { expect, it } from 'vitest';
import { faultRequest, faultSentence, faultsOfNode, firstDraft } from './fault-draft';

const draft = firstDraft(['node-1', 'node-2']);

it('sends only what the kind needs', () => {
  expect(faultRequest(draft)).toEqual({
    peer: null,
    kind: 'partition',
    direction: 'both',
    channel: 'both',
    duration_ms: 10_000,
  });
  expect(faultRequest({ ...draft, kind: 'delay' })).toMatchObject({ delay_ms: 50 });
  expect(faultRequest({ ...draft, kind: 'drop', peer: 'node-2' })).toMatchObject({ probability: 0.2, peer: 'node-2' });
});

it('keeps what still runs on the node, with the time left', () => {
  const fault = {
    node: 'node-1',
    peer: null,
    direction: 'in',
    channel: 'wal',
    kind: 'drop',
    probability: 0.5,
    delay_ms: null,
    jitter_ms: null,
  } as const;
  const now = Date.parse('2026-11-22T20:00:00.000Z');
  const kept = faultsOfNode(
    [
      { ...fault, until: '2026-11-22T20:00:05.000Z' },
      { ...fault, until: '2026-11-22T19:00:00.000Z' },
      { ...fault, node: 'node-2', until: '2026-11-22T20:00:05.000Z' },
    ],
    'node-1',
    now,
  );
  expect(kept).toEqual([
    { peer: null, kind: 'drop', direction: 'in', channel: 'wal', duration_ms: 5000, probability: 0.5 },
  ]);
});

it('reads as a sentence', () => {
  expect(faultSentence(draft)).toBe('Nothing passes between node-1 and all other nodes, for 10 s.');
  expect(faultSentence({ ...draft, direction: 'in', channel: 'wal', kind: 'delay' })).toBe(
    'Messages are 50 ms late from all other nodes to node-1 on the WAL stream, for 10 s.',
  );
});
