/** The group has never had a primary, or its record names a node that is gone. */
import { finding, type GroupAnalyser } from './situation';

export const noPrimary: GroupAnalyser = (situation) => {
  const { record } = situation.group;
  if (situation.primary !== null) return [];
  return [
    finding(situation, {
      rule: 'no-primary',
      severity: 'critical',
      sentence:
        record.primary === null
          ? `${record.name} has no primary yet.`
          : `${record.name}'s primary ${record.primary} is no member any more.`,
      remedy: 'Wait for the first start to finish, or fail over to a member.',
    }),
  ];
};
