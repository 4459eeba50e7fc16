/** The control store has lost its majority, or would with one more loss. Cluster-wide. */

import { isFresh } from '../../operations/core/snapshot';
import type { ClusterSituation, Finding } from './situation';

export function controlQuorum(situation: ClusterSituation): readonly Finding[] {
  const { raft } = situation;
  const voters = raft.configuration.voters.length;
  const base = { node: null, group: null };
  if (!raft.hasQuorum) {
    return [
      {
        ...base,
        rule: 'control-quorum-lost',
        severity: 'critical',
        sentence: `The control store has no majority (${raft.quorumSize} of ${voters} voters are needed): nothing can be changed and no group fails over.`,
        remedy: 'Start the agents of the voters that are down.',
      },
    ];
  }
  const answering = situation.voterNodes.filter((node) => isFresh(node, situation.config.leaseMs)).length;
  if (voters < 3 || answering > raft.quorumSize || answering < raft.quorumSize) return [];
  return [
    {
      ...base,
      rule: 'control-quorum-thin',
      severity: 'warning',
      sentence: `${answering} of ${voters} control-store voters answer: one more loss stops every change.`,
      remedy: 'Bring back the voters that are down.',
    },
  ];
}
