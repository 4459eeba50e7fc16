/** An administrator's own decision about one prepared transaction: XA's heuristic outcome. What follows is told before, and kept after. */
import { z } from 'zod';
import { ClusterError } from '@/engine/kernel/errors';
import type { PreparedTransaction } from '@/engine/xa/door';
import type { ProcedureContext } from '../context';
import { mutation } from '../definition';
import { findNode } from '../shared/find';
import { requesterOf } from '../shared/identity';
import { nodeIdArgument } from '../shared/primitives';
import { askCoordinator } from './coordinator';
import { askDecisions, mostPerServer } from './prepared';
import { agrees, consequencesOf } from './verdict';
import { heuristicOutcome, managerName } from './wire';

const input = z
  .strictObject({
    node: nodeIdArgument.optional().meta({ description: 'Primary that holds it' }),
    resource_manager: managerName.optional().meta({ description: 'Resource manager outside that holds it' }),
    identifier: z.string().min(1).max(400).meta({ description: 'Under which it is prepared there' }),
    outcome: z.enum(['commit', 'rollback']).meta({ description: 'How it is ended, whatever was decided' }),
    dry_run: z.boolean().optional().meta({ description: 'Answer what would follow and change nothing' }),
    reason: z.string().min(1).max(500).meta({ description: 'Why; kept in the audit log' }),
  })
  .meta({ id: 'EndTransactionInput', description: 'A prepared transaction that is to be ended' });

type Input = z.output<typeof input>;

export const endTransaction = mutation({
  name: 'cluster.endTransaction',
  summary: 'End a prepared transaction of ours by hand, whatever was decided: a heuristic outcome',
  description:
    'Only where its coordinator is gone for good: what has a verdict is ended by itself. Other branches of its transaction may end otherwise.',
  rest: { method: 'POST', path: '/cluster/transactions/end' },
  graphql: { field: 'endClusterTransaction', style: 'input' },
  role: 'admin',
  rate: 'write',
  needsProof: ({ dry_run }) => dry_run !== true,
  input,
  output: heuristicOutcome,
  errors: ['INVALID_INPUT', 'NOT_FOUND', 'CONFLICT', 'TIMEOUT', 'UNAVAILABLE'],
  example: {
    node: 'node-1',
    identifier: 'rustydb:c0ffee00:alpha:0198a1b2c3d4:1',
    outcome: 'rollback',
    dry_run: true,
    reason: 'The coordinator group was lost',
  },
  async handler({ input: wanted, context }) {
    if ((wanted.node === undefined) === (wanted.resource_manager === undefined)) {
      throw new ClusterError('INVALID_INPUT', 'node: say either the node or the resource manager that holds it');
    }
    const prepared = await findPrepared(context, wanted);
    const decisionOf = await askDecisions(context, [{ prepared, group: null, served: true }]);
    const known = decisionOf(prepared);
    const asked = { ...wanted, node: wanted.node ?? null, resource_manager: wanted.resource_manager ?? null };
    const consequences = consequencesOf(known, wanted.outcome, prepared);
    const ends = wanted.outcome === 'commit' ? 'committed' : 'rolled back';
    if (wanted.dry_run) return presentOutcome(asked, known, consequences, `It would be ${ends}`);
    const { decision } = await endBranch(context, prepared, wanted);
    const agreed = agrees(decision, wanted.outcome);
    const so = agreed === false ? ', against the decision' : agreed === null ? ', without a decision' : '';
    return presentOutcome(asked, decision, consequences, `${wanted.identifier} was ${ends}${so}`);
  },
});

function presentOutcome(
  asked: Omit<Input, 'node' | 'resource_manager'> & { node: string | null; resource_manager: string | null },
  known: Parameters<typeof agrees>[0],
  consequences: string[],
  message: string,
) {
  const decided = known === null || typeof known === 'string' ? null : known.decision;
  return {
    identifier: asked.identifier,
    node: asked.node,
    resource_manager: asked.resource_manager,
    outcome: asked.outcome,
    decision: decided === 'commit' || decided === 'abort' ? decided : null,
    agrees: agrees(known, asked.outcome) === true,
    consequences,
    done: asked.dry_run !== true,
    message,
  };
}

/** @throws NOT_FOUND: it has ended meanwhile, or was never there */
async function findPrepared(context: ProcedureContext, { node, identifier, resource_manager }: Input) {
  const held = node === undefined ? await heldOutside(context, resource_manager!) : await heldBy(context, node);
  const found = held.find((one) => one.identifier === identifier);
  if (found) return found;
  const where = node ?? resource_manager;
  throw new ClusterError('NOT_FOUND', `${where} holds no prepared transaction ${identifier}; it may have ended`, {
    extra: { xa_code: 'XAER_NOTA' },
  });
}

async function heldBy(context: ProcedureContext, node: string): Promise<readonly PreparedTransaction[]> {
  findNode(context.engine.current().view, node);
  return (await context.engine.node(node, 'xa.prepared', { limit: mostPerServer })).prepared;
}

async function heldOutside(context: ProcedureContext, manager: string): Promise<readonly PreparedTransaction[]> {
  const { prepared, missing } = await askCoordinator(context, 'xa.prepared.outside', {});
  if (missing.includes(manager)) throw new ClusterError('UNAVAILABLE', `Resource manager ${manager} does not answer`);
  return prepared.filter((one) => one.resourceManager === manager);
}

/** Through the coordinator, which notes an outcome that contradicts it before the branch is told; it knows groups by their names too. */
function endBranch(
  context: ProcedureContext,
  { identifier, resourceManager }: PreparedTransaction,
  { outcome, reason }: Input,
) {
  const requester = requesterOf(context, reason);
  return askCoordinator(context, 'xa.branch.end', { identifier, resourceManager, outcome, requester });
}
