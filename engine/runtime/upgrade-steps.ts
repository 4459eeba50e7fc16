/**
 * Takes one step of an upgrade and waits until its outcome shows. A process is ended by a signal and started again by the launcher, so nothing here
 * has to be undone: whatever becomes of this program, the launcher keeps every process running.
 */
import { randomUUID } from 'node:crypto';
import type { EngineConnection } from '../interconnect/engine-connection';
import { delay, pollUntil } from '../kernel/async';
import { isFinished } from '../operations/model';
import type { UpgradePlan, UpgradeStep } from './core/upgrade-plan';
import { processMark } from './upgrade-look';

export type StepWorld = {
  readonly connection: EngineConnection;
  readonly dataDirectory: string;
  readonly requestedBy: string;
  /** The plan as things are now. */
  plan(): Promise<UpgradePlan>;
};

const processMs = 120_000;
const switchoverMs = 180_000;
/** After a restart a standby catches up first. */
const settleMs = 600_000;
/** What a step changed may not show at once. */
const steadyMs = 2_500;
const lookMs = 250;

/** @throws Error that says what did not happen. */
export async function takeStep(step: UpgradeStep, world: StepWorld): Promise<void> {
  if (step.kind === 'switchover') await switchOver(step, world);
  else {
    const name = step.kind === 'agent' ? step.node : step.name;
    process.kill(step.pid, step.kind === 'agent' && step.how === 'leave' ? 'SIGUSR2' : 'SIGTERM');
    await pollUntil(() => (processMark(world.dataDirectory, name)?.pid ?? step.pid) !== step.pid || undefined, {
      timeoutMs: processMs,
      intervalMs: lookMs,
      what: `${name} runs again; its last lines in logs/${name}.log say why not`,
    });
  }
  await settled(world);
}

/** Everybody is well, and stays so for a while. */
export async function settled(world: StepWorld, timeoutMs = settleMs): Promise<void> {
  const until = performance.now() + timeoutMs;
  let wellSince: number | null = null;
  for (;;) {
    const troubles = await world.plan().then(
      (plan) => plan.troubles,
      (error: unknown) => [error instanceof Error ? error.message : String(error)],
    );
    const now = performance.now();
    wellSince = troubles.length === 0 ? (wellSince ?? now) : null;
    if (wellSince !== null && now - wellSince >= steadyMs) return;
    if (now > until) throw new Error(troubles.join('\n') || 'It did not stay well.');
    await delay(lookMs);
  }
}

async function switchOver(step: Extract<UpgradeStep, { kind: 'switchover' }>, world: StepWorld): Promise<void> {
  const { connection, requestedBy } = world;
  const operation = await connection.requestLeader(
    'operation.start',
    {
      request: { kind: 'failover', group: step.group, mode: 'switchover', expectedPrimary: step.from },
      requester: { by: requestedBy, reason: 'upgrade', requestId: null, admin: true },
      planHash: null,
      idempotencyKey: randomUUID(),
    },
    30_000,
  );
  const ended = await pollUntil(
    async () => {
      const now = await connection.requestLeader('operation.get', { id: operation.id }, 5_000).catch(() => null);
      return now && isFinished(now.state) ? now : undefined;
    },
    { timeoutMs: switchoverMs, intervalMs: lookMs, what: `operation ${operation.id} ended` },
  );
  if (ended.state !== 'succeeded')
    throw new Error(`The switchover of ${step.group} (operation ${operation.id}) ended ${ended.state}.`);
}
