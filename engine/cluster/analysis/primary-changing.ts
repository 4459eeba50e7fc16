/** The group has no primary because an operation changes it right now, as planned and in time. What is not as planned is told by the other rules. */
import { formatMs, isFresh } from '../../operations/core/snapshot';
import { lacksAcknowledgers } from '../core/acknowledging';
import { primaryChangingRule } from '../core/planned-change';
import { finding, type GroupAnalyser } from './situation';

export const primaryChanging: GroupAnalyser = (situation) => {
  const { planned, primary, config, group } = situation;
  if (planned === null) return [];
  const { leaseRemainingMs, record } = group;
  const granted = !record.leaseReleased && (leaseRemainingMs === null || leaseRemainingMs > 0);
  const runs = primary !== null && isFresh(primary, config.leaseMs) && primary.report!.postgres.state === 'primary';
  // Until its standbys follow it, commits wait: that is a part of the pause.
  if (granted && runs && !lacksAcknowledgers(group, config.leaseMs)) return [];
  const to = planned.successor === null || planned.successor === record.primary ? '' : ` to ${planned.successor}`;
  const progress = planned.step === null ? '' : `, step ${planned.step.at} of ${planned.step.of}`;
  const expected = planned.expectedMs === null ? '' : `, expected for ${formatMs(planned.expectedMs)}`;
  return [
    finding(situation, {
      rule: primaryChangingRule,
      severity: 'info',
      sentence: `${record.name}: ${planned.what}${to} in progress (operation ${planned.operation}${progress}); writes pause${expected}.`,
      remedy: `Nothing to do; after ${formatMs(planned.allowedMs)} it is told as a failure.`,
    }),
  ];
};
