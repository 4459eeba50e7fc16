import { expect, it } from 'vitest';
import { rawState, stateWord } from './state-words';

it.each([
  ['compensated', 'undone', 'compensated'],
  ['catchup', 'catching up', 'catchup'],
  ['semi_synchronous', 'semi-synchronous', 'semi_synchronous'],
  ['healthy', 'healthy', undefined],
  ['not_ready', 'not ready', undefined],
])('%s is said %s, with the tooltip %s', (state, word, raw) => {
  expect(stateWord(state)).toBe(word);
  expect(rawState(state)).toBe(raw);
});
