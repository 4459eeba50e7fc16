import { describe, expect, it } from 'vitest';
import { applyChange } from './configuration';

const m = (id: string, incarnation = '1') => ({ id, incarnation });
const base = { voters: [m('a'), m('b'), m('c')], learners: [m('d')] };

describe('membership changes', () => {
  it('adds a learner, and a new life in place of an older learner', () => {
    expect(applyChange(base, { kind: 'add-learner', member: m('e') }, 5)).toMatchObject({
      configuration: { learners: [m('d'), m('e')] },
    });
    expect(applyChange(base, { kind: 'add-learner', member: m('d', '2') }, 5)).toMatchObject({
      configuration: { learners: [m('d', '2')] },
    });
    expect(applyChange(base, { kind: 'add-learner', member: m('a') }, 5)).toEqual({
      ok: false,
      reason: 'already-member',
    });
  });

  it('changes one voter at a time', () => {
    expect(applyChange(base, { kind: 'promote', id: 'd' }, 5)).toMatchObject({
      configuration: { voters: [m('a'), m('b'), m('c'), m('d')], learners: [] },
    });
    expect(applyChange(base, { kind: 'remove', member: m('c') }, 5)).toMatchObject({
      configuration: { voters: [m('a'), m('b')] },
    });
  });

  it('never swaps a life in one step', () => {
    const waiting = { ...base, learners: [m('c', '2')] };
    expect(applyChange(waiting, { kind: 'promote', id: 'c' }, 5)).toEqual({ ok: false, reason: 'already-member' });
  });

  it.each([
    [{ kind: 'promote', id: 'x' }, 'unknown-member'],
    [{ kind: 'promote', id: 'a' }, 'already-member'],
    [{ kind: 'remove', member: m('a', '9') }, 'unknown-member'],
  ] as const)('refuses %j: %s', (change, reason) =>
    expect(applyChange(base, change, 5)).toEqual({ ok: false, reason }),
  );

  it('keeps to the bounds', () => {
    expect(applyChange(base, { kind: 'promote', id: 'd' }, 3)).toEqual({ ok: false, reason: 'too-many-voters' });
    const lone = { voters: [m('a')], learners: [] };
    expect(applyChange(lone, { kind: 'remove', member: m('a') }, 5)).toEqual({ ok: false, reason: 'last-voter' });
  });
});
