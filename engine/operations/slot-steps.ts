/** Effects on replication slots. The server itself has the last word: what changed since the plan is refused there, with its reason. */
import { ClusterError } from '../kernel/errors';
import { nodeOf } from './primary-steps';
import type { StepContext, StepOutcome } from './step-context';

const copyTimeoutMs = 10_000;

export async function createSlot(context: StepContext): Promise<StepOutcome> {
  const { request } = context.operation;
  if (request.kind !== 'create-slot') throw new ClusterError('INTERNAL', `${request.kind} creates no slot.`);
  const node = nodeOf(context);
  const { slot } = request;
  const made = await context.world.command(
    node,
    'agent.createSlot',
    { fence: context.fence(), slot },
    context.remainingMs(),
  );
  const from = made.confirmedFlushLsn ?? made.restartLsn;
  return { detail: `${slot.name} is on ${node}${from === null ? '' : `, from ${from} on`}.`, result: made };
}

/** Copies are made by the standbys' servers. Without one the slot is there all the same, and the answer says what that means. */
export async function copySlot(context: StepContext): Promise<StepOutcome> {
  const { request } = context.operation;
  if (request.kind !== 'create-slot') throw new ClusterError('INTERNAL', `${request.kind} copies no slot.`);
  const { name } = request.slot;
  const snapshot = context.world.snapshot();
  const primary = context.group().record.primary;
  const standbys = [...snapshot.nodes.values()].filter(
    ({ record, report }) =>
      record.group === request.group && record.id !== primary && report?.postgres.state === 'standby',
  );
  const timeoutMs = Math.max(0, Math.min(copyTimeoutMs, context.remainingMs() - 2_000));
  const ready = await Promise.all(
    standbys.map(async ({ record }) => {
      const params = { fence: context.fence(), name, timeoutMs };
      const asked = context.world.command(record.id, 'agent.copySlot', params, timeoutMs + 1_500);
      return (await asked.catch(() => ({ ready: false }))).ready ? record.id : null;
    }),
  );
  const held = ready.filter((node) => node !== null);
  const missing = standbys.map(({ record }) => record.id).filter((node) => !held.includes(node));
  const without = missing.length > 0 ? ` ${missing.join(', ')} holds none yet; PostgreSQL goes on trying.` : '';
  const detail =
    held.length > 0
      ? `${held.join(', ')} ${held.length === 1 ? 'holds' : 'hold'} a copy.${without}`
      : `No standby holds a copy yet; PostgreSQL goes on trying.`;
  return { detail, result: { ready: held } };
}

export async function dropSlot(context: StepContext): Promise<StepOutcome> {
  const { request } = context.operation;
  if (request.kind !== 'drop-slot') throw new ClusterError('INTERNAL', `${request.kind} drops no slot.`);
  const node = nodeOf(context);
  const params = { fence: context.fence(), name: request.name };
  const { dropped } = await context.world.command(node, 'agent.dropSlot', params, context.remainingMs());
  return {
    detail: dropped ? `${request.name} is gone from ${node}.` : `${node} had no slot ${request.name} any more.`,
  };
}
