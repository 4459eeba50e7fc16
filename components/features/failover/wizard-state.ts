/** The wizard as an address: every state is a URL. Which step may follow, and why it may not. Pure. */
import type { Preflight } from '../../providers/wire';
import { counted } from '../../ui/counted';
import { formatDuration, sentence } from '../../ui/format';

export const wizardSteps = ['what', 'checks', 'plan', 'confirm', 'run', 'result'] as const;
export type WizardStep = (typeof wizardSteps)[number];

export const stepTitles: Readonly<Record<WizardStep, string>> = {
  what: 'What',
  checks: 'Checks',
  plan: 'Plan',
  confirm: 'Confirm',
  run: 'Run',
  result: 'Result',
};

export type WizardState = {
  readonly step: WizardStep;
  readonly group: string;
  /** Empty: the best candidate. */
  readonly target: string;
  readonly mode: '' | 'switchover' | 'failover';
  readonly drainMs: string;
  /** Local date and time; empty: now. */
  readonly at: string;
  readonly force: boolean;
  readonly allowDataLoss: boolean;
  readonly allowSlotLoss: boolean;
  /** Hash of the plan that was shown. */
  readonly plan: string;
  /** The operation once it runs. */
  readonly operation: string;
};

export function readWizard(params: URLSearchParams, defaultGroup: string): WizardState {
  const step = params.get('step');
  const mode = params.get('mode');
  return {
    step: wizardSteps.find((one) => one === step) ?? 'what',
    group: params.get('group') ?? defaultGroup,
    target: params.get('target') ?? '',
    mode: mode === 'switchover' || mode === 'failover' ? mode : '',
    drainMs: params.get('drain') ?? '',
    at: params.get('at') ?? '',
    force: params.get('force') === '1',
    allowDataLoss: params.get('loss') === '1',
    allowSlotLoss: params.get('slots') === '1',
    plan: params.get('plan') ?? '',
    operation: params.get('op') ?? '',
  };
}

export function wizardHref(state: WizardState): string {
  const params = new URLSearchParams();
  const put = (key: string, value: string) => {
    if (value !== '') params.set(key, value);
  };
  put('group', state.group);
  put('target', state.target);
  put('mode', state.mode);
  put('drain', state.drainMs);
  put('at', state.at);
  if (state.force) params.set('force', '1');
  if (state.allowDataLoss) params.set('loss', '1');
  if (state.allowSlotLoss) params.set('slots', '1');
  if (state.step !== 'what') params.set('step', state.step);
  put('plan', state.plan);
  put('op', state.operation);
  return `/failover/new?${params}`;
}

type Change = {
  readonly mode: string;
  readonly from: string | null;
  readonly to: string | null;
  readonly write_pause_ms: number | null;
};

/** What the operation of the wizard changes, or has changed. */
export function changeSentence(change: Change): string {
  const way = `${sentence(change.mode)} from ${change.from ?? 'no primary'} to ${change.to ?? 'the best candidate'}`;
  return change.write_pause_ms === null ? `${way}.` : `${way}: writes paused ${formatDuration(change.write_pause_ms)}.`;
}

/** What the server is asked to plan, and later to run. */
export function failoverInput(state: WizardState) {
  const drain = Number(state.drainMs);
  const at = state.at === '' ? null : new Date(state.at);
  return {
    group: state.group,
    ...(state.target === '' ? {} : { target_node: state.target }),
    ...(state.mode === '' ? {} : { mode: state.mode }),
    ...(state.drainMs === '' || !Number.isInteger(drain) || drain < 0 ? {} : { drain_ms: drain }),
    ...(at === null || Number.isNaN(at.getTime()) ? {} : { scheduled_at: at.toISOString() }),
    ...(state.force ? { force: true } : {}),
    ...(state.allowDataLoss ? { allow_data_loss: true } : {}),
    ...(state.allowSlotLoss ? { allow_slot_loss: true } : {}),
  };
}

type Planned = Pick<Preflight, 'feasible' | 'plan_hash'> & { readonly blockers: readonly unknown[] };

/** Why the wizard can't go on from this step; null: it can. */
export function stopReason(state: WizardState, preflight: Planned | undefined): string | null {
  if (state.step === 'what') return state.group === '' ? 'Choose a group.' : null;
  if (preflight === undefined) return 'The checks have not been answered yet.';
  if (!preflight.feasible) {
    const count = preflight.blockers.length;
    return count === 0 ? 'No candidate is fit.' : `${counted(count, 'check blocks', 'checks block')} this.`;
  }
  if (state.step === 'confirm' && state.plan !== preflight.plan_hash)
    return 'The cluster changed: look at the new plan first.';
  return null;
}

export function nextStep(step: WizardStep): WizardStep {
  return wizardSteps[Math.min(wizardSteps.indexOf(step) + 1, wizardSteps.length - 1)] ?? step;
}

export function previousStep(step: WizardStep): WizardStep {
  return wizardSteps[Math.max(wizardSteps.indexOf(step) - 1, 0)] ?? step;
}
