import { describe, expect, it } from 'vitest';
import {
  changeSentence,
  failoverInput,
  nextStep,
  previousStep,
  readWizard,
  stopReason,
  type WizardState,
  wizardHref,
} from './wizard-state';

const state: WizardState = {
  step: 'checks',
  group: 'alpha',
  target: 'node-2',
  mode: 'switchover',
  drainMs: '5000',
  at: '',
  force: false,
  allowDataLoss: true,
  allowSlotLoss: true,
  plan: 'abc',
  operation: '',
};

describe('the address', () => {
  it('round-trips every state', () => {
    const read = readWizard(new URL(wizardHref(state), 'http://x').searchParams, 'beta');
    expect(read).toEqual(state);
  });

  it('is the first step with the default group when empty or nonsense', () => {
    expect(readWizard(new URLSearchParams('step=evil&mode=x'), 'beta')).toMatchObject({
      step: 'what',
      group: 'beta',
      mode: '',
    });
  });
});

describe('the request', () => {
  it('has only what was chosen', () => {
    expect(
      failoverInput({ ...state, target: '', mode: '', drainMs: '', allowDataLoss: false, allowSlotLoss: false }),
    ).toEqual({
      group: 'alpha',
    });
    expect(failoverInput(state)).toEqual({
      group: 'alpha',
      target_node: 'node-2',
      mode: 'switchover',
      drain_ms: 5000,
      allow_data_loss: true,
      allow_slot_loss: true,
    });
  });

  it('schedules in UTC and ignores nonsense', () => {
    expect(failoverInput({ ...state, at: '2026-11-22T20:00Z' })).toMatchObject({
      scheduled_at: '2026-11-22T20:00:00.000Z',
    });
    expect(failoverInput({ ...state, at: 'soon', drainMs: '-1' })).not.toHaveProperty('scheduled_at');
    expect(failoverInput({ ...state, drainMs: '1.5' })).not.toHaveProperty('drain_ms');
  });
});

describe('going on', () => {
  const fine = { feasible: true, blockers: [], plan_hash: 'abc' };

  it.each([
    [{ ...state, step: 'what' as const, group: '' }, fine, 'Choose a group.'],
    [state, undefined, 'The checks have not been answered yet.'],
    [state, { ...fine, feasible: false, blockers: [1] }, '1 check blocks this.'],
    [state, { ...fine, feasible: false, blockers: [1, 2] }, '2 checks block this.'],
    [state, { ...fine, feasible: false }, 'No candidate is fit.'],
    [
      { ...state, step: 'confirm' as const },
      { ...fine, plan_hash: 'other' },
      'The cluster changed: look at the new plan first.',
    ],
    [state, fine, null],
    [{ ...state, step: 'confirm' as const }, fine, null],
  ])('says what is missing', (value, preflight, reason) => expect(stopReason(value, preflight)).toBe(reason));

  it('walks the steps and stops at both ends', () => {
    expect(nextStep('what')).toBe('checks');
    expect(nextStep('result')).toBe('result');
    expect(previousStep('what')).toBe('what');
  });
});

describe('what the operation changes', () => {
  const change = { mode: 'switchover', from: 'node-2', to: 'node-1', write_pause_ms: null };

  it.each([
    [change, 'Switchover from node-2 to node-1.'],
    [{ ...change, write_pause_ms: 351 }, 'Switchover from node-2 to node-1: writes paused 351 ms.'],
    [{ ...change, from: null, to: null, mode: 'failover' }, 'Failover from no primary to the best candidate.'],
  ])('%j reads %s', (facts, text) => expect(changeSentence(facts)).toBe(text));
});
