/**
 * Expected write pause: the median of what past changes of this kind really cost, first of this group, then of the cluster. Until one was measured:
 * a documented estimate, never zero.
 */
import type { GroupName } from '../../kernel/ids';
import type { PauseSample } from './snapshot';

/** Before the first measurement. Switchover: fast stop + promise + promote on a small server. */
export const firstSwitchoverPauseMs = 400;
/** From the decision on (the detection is added by what caused it). */
export const firstFailoverPauseMs = 600;

export function expectedPauseMs(pauses: readonly PauseSample[], group: GroupName, kind: PauseSample['kind']): number {
  const ofKind = pauses.filter((sample) => sample.kind === kind);
  const ofGroup = ofKind.filter((sample) => sample.group === group);
  const samples = (ofGroup.length > 0 ? ofGroup : ofKind).slice(-10).map((sample) => sample.ms);
  if (samples.length === 0) return kind === 'switchover' ? firstSwitchoverPauseMs : firstFailoverPauseMs;
  samples.sort((a, b) => a - b);
  return Math.round(samples[Math.floor(samples.length / 2)]!);
}
