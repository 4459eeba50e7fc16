import { expect, it } from 'vitest';
import { eventText } from './event-text';

it.each([
  [{ event_type: 'node_left', payload: { sentence: 'node-2 went away', node: 'node-2' } }, 'node-2 went away'],
  [{ event_type: 'leader_elected', payload: { node: 'node-1', term: 4, extra: { a: 1 } } }, 'node node-1, term 4'],
  [{ event_type: 'gap', payload: {}, from: '1', to: '9' }, 'events between 1 and 9 were missed'],
])('%j reads %s', (event, text) => expect(eventText(event)).toBe(text));
