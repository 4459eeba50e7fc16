/** What was asked of the group and its primary has not brought into force yet: the length of its lease, its commit mode. */
import { formatMs } from '../../operations/core/snapshot';
import { type Finding, finding, type GroupAnalyser } from './situation';

export const changeUnderWay: GroupAnalyser = (situation) => {
  const { config, group } = situation;
  const { name, leaseMs, mode, wantedMode } = group.record;
  const found: Finding[] = [];
  if (leaseMs !== undefined && leaseMs !== config.leaseMs) {
    found.push(
      finding(situation, {
        rule: 'lease-length-changing',
        severity: 'info',
        node: null,
        sentence: `The lease of ${name} lasts ${formatMs(leaseMs)} and is to last ${formatMs(config.leaseMs)}.`,
        remedy:
          'Its primary changes it by itself: a shorter one once what was promised under the longer one has run out.',
      }),
    );
  }
  if (wantedMode != null && wantedMode !== mode) {
    found.push(
      finding(situation, {
        rule: 'commit-mode-changing',
        severity: 'info',
        node: null,
        sentence: `${name} is ${mode} and is to become ${wantedMode}; until then the rules of ${mode} hold.`,
        remedy: 'Its primary changes it by itself: towards a mode with acknowledging standbys once one has everything.',
      }),
    );
  }
  return found;
};
