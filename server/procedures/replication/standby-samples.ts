/** The samples of every standby of some groups, for answers that are not paged. Invariant: one call asks a bounded number of nodes. */
import type { ClusterView, GroupView } from '@/engine/cluster/model';
import { ClusterError } from '@/engine/kernel/errors';
import type { ProcedureContext } from '../context';
import { askNodes } from '../shared/ask-nodes';
import { presentStandbyMetrics, standbysOf } from './present-monitoring';

const mostStandbys = 200;

/** @throws INVALID_INPUT when there are more standbys than one answer may be about */
export async function askForSamples(
  context: ProcedureContext,
  asked: { readonly view: ClusterView; readonly groups: readonly GroupView[]; readonly minutes: number },
) {
  const { view, groups, minutes } = asked;
  const nodes = standbysOf(view, groups);
  if (nodes.length > mostStandbys) {
    const message = `group: ${nodes.length} standbys are too many for one answer, name a group`;
    throw new ClusterError('INVALID_INPUT', message, {
      reasons: [
        {
          rule: 'standbys-of-one-answer',
          measured: String(nodes.length),
          limit: String(mostStandbys),
          remedy: 'Name a group, or read /replication/monitoring/lag and /throughput, which have pages.',
        },
      ],
    });
  }
  const { answers, missing } = await askNodes(context, nodes, { method: 'node.resources', params: { minutes } });
  return {
    standbys: answers.map(({ node, answer }) => presentStandbyMetrics(view, node.record.id, answer)),
    missing,
  };
}
