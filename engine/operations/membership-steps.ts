/** Effects of adding and removing nodes. Invariant: the control store changes by one member at a time, and a voter only goes when a majority of the rest answers. */
import { keys, type NodeRecord } from '../cluster/model';
import type { Json } from '../control/store';
import { ClusterError, isClusterError } from '../kernel/errors';
import { delay, pollUntil } from '../kernel/waiting';
import { isFresh } from './core/snapshot';
import { nodeOf, type StepContext, type StepOutcome } from './step-context';

export const maxVoters = 5;

export async function registerNode(context: StepContext): Promise<StepOutcome> {
  const { request } = context.operation;
  if (request.kind !== 'add-node') throw new ClusterError('INTERNAL', 'Only add-node registers a node.');
  const record: NodeRecord = {
    id: request.node,
    group: request.group,
    region: request.region,
    host: request.host,
    agentPort: 0,
    postgresPort: 0,
    incarnation: '',
    wanted: 'running',
    maintenance: false,
    priority: 100,
    createdAt: context.operation.createdAt,
  };
  const key = keys.node(request.node);
  const result = await context.world.store.txn({
    compare: [{ key, modRevision: 0 }],
    mutations: [{ kind: 'put', key, value: record as unknown as Json }],
  });
  const existing = result.current.find((entry) => entry.key === key)?.value as unknown as NodeRecord | undefined;
  // A repeat after a crash finds the record that this operation wrote.
  if (!result.succeeded && existing?.createdAt !== record.createdAt) {
    throw new ClusterError('CONFLICT', `There is a node ${request.node} already.`);
  }
  return { detail: `${request.node} is recorded; its agent is started where it belongs.` };
}

export async function waitAgent(context: StepContext): Promise<StepOutcome> {
  const node = nodeOf(context);
  await pollUntil(
    context.world.loop,
    () => {
      const snapshot = context.world.snapshot();
      const found = snapshot.nodes.get(node);
      return found && found.record.agentPort > 0 && isFresh(found, snapshot.config.leaseMs) ? true : undefined;
    },
    { timeoutMs: context.remainingMs(), intervalMs: 100, what: `the agent of ${node} reports`, signal: context.signal },
  );
  return { detail: `The agent of ${node} reports.` };
}

export async function joinStore(context: StepContext): Promise<StepOutcome> {
  const node = nodeOf(context);
  const record = context.world.snapshot().nodes.get(node)?.record;
  if (!record) throw new ClusterError('NOT_FOUND', `There is no node ${node}.`);
  const { store } = context.world;
  const known = () => store.status().configuration;
  const has = (members: readonly { id: string }[]) => members.some((member) => member.id === node);
  if (!has(known().voters) && !has(known().learners)) {
    await retried(context, () => store.addLearner({ id: node, incarnation: record.incarnation }));
  }
  if (!has(known().voters) && known().voters.length < maxVoters) {
    await pollUntil(
      context.world.loop,
      () => {
        const peer = store.status().peers.find((entry) => entry.id === node);
        return peer?.state === 'replicate' ? true : undefined;
      },
      { timeoutMs: context.remainingMs(), intervalMs: 50, what: `${node} has the log`, signal: context.signal },
    );
    await retried(context, () => store.promoteLearner(node));
  }
  const voter = has(known().voters);
  return { detail: `${node} is a ${voter ? 'voter' : 'learner'} of the control store.` };
}

export async function leaveVoterSet(context: StepContext): Promise<StepOutcome> {
  const node = nodeOf(context);
  await pollUntil(
    context.world.loop,
    () => (context.group().record.voterSet.members.includes(node) ? undefined : true),
    {
      timeoutMs: context.remainingMs(),
      intervalMs: 50,
      what: `the acknowledgement of ${node} no longer counts`,
      signal: context.signal,
    },
  );
  return { detail: `The acknowledgement of ${node} does not count.` };
}

export async function leaveStore(context: StepContext): Promise<StepOutcome> {
  const node = nodeOf(context);
  const { store } = context.world;
  const { voters, learners } = store.status().configuration;
  if (![...voters, ...learners].some((member) => member.id === node)) {
    return { detail: `${node} is no member of the control store.` };
  }
  if (store.status().id === node) {
    const other = voters.find((member) => member.id !== node);
    if (!other) throw new ClusterError('CONFLICT', `${node} is the only voter of the control store.`);
    await store.transferLeadership(other.id);
    // The next leader resumes this very step.
    throw new ClusterError('UNAVAILABLE', `${node} led the control store; ${other.id} goes on.`);
  }
  await retried(context, () => store.removeMember(node));
  return { detail: `${node} left the control store.` };
}

export async function deleteNode(context: StepContext): Promise<StepOutcome> {
  const node = nodeOf(context);
  const key = keys.node(node);
  for (let attempt = 0; attempt < 20; attempt++) {
    const entry = await context.world.store.get(key);
    if (!entry) break;
    const result = await context.world.store.txn({
      compare: [{ key, modRevision: entry.modRevision }],
      mutations: [{ kind: 'delete', key }],
    });
    if (result.succeeded) break;
    await delay(context.world.loop, 5, context.signal);
  }
  return { detail: `The record of ${node} is deleted; its data directory stays until someone removes it.` };
}

/** Configuration changes go one at a time: a change in flight is waited for, within the step's deadline. */
async function retried(context: StepContext, change: () => Promise<void>): Promise<void> {
  for (;;) {
    try {
      return await change();
    } catch (error) {
      const again = isClusterError(error) && (error.retryable || error.code === 'CONFLICT');
      if (!again || context.signal.aborted || context.remainingMs() < 200) throw error;
      await delay(context.world.loop, 100, context.signal);
    }
  }
}
