import { describe, expect, it } from 'vitest';
import { lossSentences, quorumSentence } from './loss-sentences';

const status = {
  has_quorum: true,
  quorum_size: 2,
  leader: 'node-1',
  term: 4,
  voters: [{ id: 'node-1' }, { id: 'node-2' }, { id: 'node-3' }],
  tolerates: 1,
  fatal_losses: [
    ['node-1', 'node-2'],
    ['node-1', 'node-3'],
  ],
};

describe('the quorum', () => {
  it('says who leads and what may still be lost', () => {
    expect(quorumSentence(status)).toBe('node-1 leads in term 4; 1 more voter may be lost.');
    expect(quorumSentence({ ...status, tolerates: 0 })).toContain('any further voter may stop changes');
    expect(quorumSentence({ ...status, has_quorum: false })).toContain('2 of 3 voters are needed');
  });
});

describe('losses', () => {
  it('pairs', () => {
    expect(lossSentences(status)).toEqual([
      'Losing node-1 and node-2 together would stop changes.',
      'Losing node-1 and node-3 together would stop changes.',
    ]);
  });

  it('all combinations of a size in one sentence', () => {
    const pairs = [...status.fatal_losses, ['node-2', 'node-3']];
    expect(lossSentences({ ...status, fatal_losses: pairs })).toEqual([
      'Losing any 2 of the 3 voters would stop changes.',
    ]);
  });

  it('single voters in one sentence', () => {
    expect(lossSentences({ ...status, fatal_losses: [['node-1'], ['node-2'], ['node-3']] })).toEqual([
      'Losing node-1, node-2 or node-3 alone would stop changes.',
    ]);
  });

  it('is bounded and says so', () => {
    const many = Array.from({ length: 10 }, (_, index) => [`node-${index}`, 'node-x']);
    const lines = lossSentences({ ...status, fatal_losses: many });
    expect(lines).toHaveLength(7);
    expect(lines.at(-1)).toContain('4 further');
  });

  it('already lost', () =>
    expect(lossSentences({ ...status, has_quorum: false })).toEqual(['Changes are stopped already.']));
});
