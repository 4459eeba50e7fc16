/** The group has fewer nodes than wanted. */
import { finding, type GroupAnalyser } from './situation';

export const replicationFactor: GroupAnalyser = (situation) => {
  const have = situation.group.members.length;
  const want = situation.config.replicationFactor;
  if (have >= want) return [];
  return [
    finding(situation, {
      rule: 'replication-factor',
      severity: 'info',
      sentence: `${situation.group.record.name} has ${have} of ${want} wanted nodes.`,
      remedy: 'Add a node to the group, or lower replication_factor.',
    }),
  ];
};
