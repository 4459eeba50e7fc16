/** Effects on one node: start, stop, restart, clone, and waiting until it does what it should. The operator's wish is recorded before the effect. */
import { keys, type NodeRecord } from '../cluster/model';
import type { Json } from '../control/store';
import { ClusterError } from '../kernel/errors';
import { delay, pollUntil } from '../kernel/waiting';
import { isFresh } from './core/snapshot';
import { nodeOf, type StepContext, type StepOutcome } from './step-context';

/** Compare-and-swap on a node's record; no write when nothing changes. */
export async function changeNode(
  context: StepContext,
  id: string,
  change: (record: NodeRecord) => NodeRecord,
): Promise<void> {
  for (let attempt = 0; attempt < 20; attempt++) {
    const entry = await context.world.store.get(keys.node(id));
    if (!entry) throw new ClusterError('NOT_FOUND', `There is no node ${id}.`, { clusterCode: 'CLU_NODE_NOT_FOUND' });
    const record = entry.value as unknown as NodeRecord;
    const next = change(record);
    if (JSON.stringify(next) === JSON.stringify(record)) return;
    const result = await context.world.store.txn({
      compare: [{ key: entry.key, modRevision: entry.modRevision }],
      mutations: [{ kind: 'put', key: entry.key, value: next as unknown as Json }],
    });
    if (result.succeeded) return;
    await delay(context.world.loop, 5, context.signal);
  }
  throw new ClusterError('CONFLICT', `The record of ${id} kept changing.`, { clusterCode: 'CLU_REVISION_CONFLICT' });
}

export async function setWantedStopped(context: StepContext): Promise<StepOutcome> {
  const node = nodeOf(context);
  await changeNode(context, node, (record) => ({ ...record, wanted: 'stopped' }));
  return { detail: `${node} stays stopped, also over restarts.` };
}

export async function setWantedRunning(context: StepContext): Promise<StepOutcome> {
  const node = nodeOf(context);
  await changeNode(context, node, (record) => ({ ...record, wanted: 'running' }));
  return { detail: `${node} is to run.` };
}

export async function setMaintenance(context: StepContext): Promise<StepOutcome> {
  const node = nodeOf(context);
  await changeNode(context, node, (record) => ({ ...record, maintenance: true }));
  return { detail: `${node} is in maintenance.` };
}

export async function clearMaintenance(context: StepContext): Promise<StepOutcome> {
  const node = nodeOf(context);
  await changeNode(context, node, (record) => ({ ...record, maintenance: false }));
  return { detail: `Maintenance of ${node} ended.` };
}

export async function stopPostgres(context: StepContext): Promise<StepOutcome> {
  const node = nodeOf(context);
  const { request } = context.operation;
  const mode = request.kind === 'stop-node' ? request.mode : 'fast';
  if (request.kind === 'remove-node' && !isReachable(context, node)) {
    return { detail: `${node} does not answer; nothing of it counts any more.` };
  }
  await context.world.command(node, 'agent.stop', { fence: context.fence(), mode }, context.remainingMs());
  return { detail: `PostgreSQL on ${node} stopped.` };
}

export async function startPostgres(context: StepContext): Promise<StepOutcome> {
  const node = nodeOf(context);
  await context.world.command(node, 'agent.start', { fence: context.fence() }, context.remainingMs());
  return { detail: `PostgreSQL on ${node} started.` };
}

export async function restartPostgres(context: StepContext): Promise<StepOutcome> {
  const node = nodeOf(context);
  await replayPassedTheChange(context, node);
  await context.world.command(node, 'agent.restart', { fence: context.fence(), mode: 'fast' }, context.remainingMs());
  return { detail: `PostgreSQL on ${node} restarted.` };
}

/**
 * A standby that restarts before it has replayed what the primary lowered starts with the old values again. So a rolling change waits until it has
 * replayed all that the primary had written when its turn came.
 */
async function replayPassedTheChange(context: StepContext, node: string): Promise<void> {
  const { primary } = context.group().record;
  if (context.operation.kind !== 'change-settings' || primary === null || primary === node) return;
  const fence = context.fence();
  const { lsn } = await context.world.command(primary, 'agent.position', { fence }, 5_000);
  const timeoutMs = Math.max(1_000, Math.round(context.remainingMs() / 2));
  await context.world.command(node, 'agent.waitForReplay', { fence, lsn, timeoutMs }, timeoutMs + 1_000);
}

export async function reclone(context: StepContext): Promise<StepOutcome> {
  const node = nodeOf(context);
  const done = await context.world.command(node, 'agent.reclone', { fence: context.fence() }, context.remainingMs());
  return { detail: `${node} was cloned anew (${done.bytes} bytes).`, result: done };
}

export async function waitStreaming(context: StepContext): Promise<StepOutcome> {
  const node = nodeOf(context);
  await pollUntil(
    context.world.loop,
    () => {
      const { nodes } = context.world.snapshot();
      const primary = context.group().record.primary;
      const sender = (primary === null ? undefined : nodes.get(primary))?.report?.postgres.senders.find(
        (entry) => entry.applicationName === node,
      );
      const standby = nodes.get(node)?.report?.postgres.state === 'standby' && isReachable(context, node);
      return standby && sender?.state === 'streaming' ? true : undefined;
    },
    { timeoutMs: context.remainingMs(), intervalMs: 100, what: `${node} streams`, signal: context.signal },
  );
  return { detail: `${node} streams from ${context.group().record.primary}.` };
}

export async function waitServing(context: StepContext): Promise<StepOutcome> {
  const node = nodeOf(context);
  const group = context.group().record.name;
  await pollUntil(
    context.world.loop,
    async () => {
      const answer = await context.world.request(node, 'node.route', { group }, 1_000);
      return answer.role === 'primary' && answer.remainingMs > 0 ? true : undefined;
    },
    { timeoutMs: context.remainingMs(), intervalMs: 50, what: `${node} serves`, signal: context.signal },
  );
  return { detail: `${node} serves.` };
}

export function isReachable(context: StepContext, node: string): boolean {
  const snapshot = context.world.snapshot();
  const found = snapshot.nodes.get(node);
  return found !== undefined && isFresh(found, snapshot.config.leaseMs);
}
