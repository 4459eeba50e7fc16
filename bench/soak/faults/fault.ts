/** What every kind of fault shares: its surroundings, what it tells, and the small steps that several kinds take. */
import { pollUntil } from '../../../engine/kernel/async';
import { isFinished, type Operation, type OperationRequest } from '../../../engine/operations/model';
import type { ClusterDoor } from '../../../engine/testing/cluster-door';
import { delay, type RealCluster, send } from '../../../engine/testing/real-cluster';
import type { SmallDisks } from '../small-disks';

export type FaultContext = {
  readonly cluster: RealCluster;
  readonly door: ClusterDoor;
  readonly group: string;
  readonly random: () => number;
  /** Null: this user can't mount. */
  readonly disks: SmallDisks | null;
};

export type Inflicted = {
  /** In a few words. */
  readonly what: string;
  /** Asked once everything is healed: null, or what is not as it must be then. */
  readonly afterwards?: () => Promise<string | null>;
};

export type Fault = (context: FaultContext) => Promise<Inflicted>;

export type Victim = { readonly id: string; readonly role: 'primary' | 'standby' };

const primaryShare = 0.65;
const operationMs = 180_000;
const patienceMs = 60_000;

export function pick<T>(from: readonly T[], random: () => number): T {
  return from[Math.floor(random() * from.length)] as T;
}

export function between(least: number, most: number, random: () => number): number {
  return least + Math.floor(random() * (most - least));
}

export async function members({ door, group }: FaultContext): Promise<{ primary: string; standbys: string[] }> {
  const view = await door.view();
  const primary = await door.primary(group);
  const all = view.nodes.filter((node) => node.record.group === group).map((node) => node.record.id);
  return { primary, standbys: all.filter((id) => id !== primary) };
}

export async function victim(context: FaultContext): Promise<Victim> {
  const { primary, standbys } = await members(context);
  if (context.random() < primaryShare || standbys.length === 0) return { id: primary, role: 'primary' };
  return { id: pick(standbys, context.random), role: 'standby' };
}

export function killPostgres(cluster: RealCluster, node: string): number {
  const pids = cluster.postgresProcesses(node);
  for (const pid of pids) send(pid, 'SIGKILL');
  return pids.length;
}

/** All of them stand still for that long. What has gone meanwhile is left alone. */
export async function stopped(pids: readonly number[], ms: number): Promise<void> {
  for (const pid of pids) send(pid, 'SIGSTOP');
  await delay(ms);
  for (const pid of pids) send(pid, 'SIGCONT');
}

/** Through the leader, whoever that is meanwhile; null: it was not there all the time, or refused. */
export async function begin(context: FaultContext, request: OperationRequest): Promise<Operation | string> {
  const door = await context.cluster.door();
  return door.startOperation(request).catch((error: unknown) => refusal(error));
}

function refusal(error: unknown): string {
  const { code, message } = error as { code?: string; message: string };
  return `${code ?? 'error'}: ${message}`;
}

/** As soon as it is allowed. @throws when it isn't for a minute. */
export async function beginWhenAllowed(context: FaultContext, request: OperationRequest): Promise<Operation> {
  return pollUntil(
    async () => {
      const answer = await begin(context, request);
      if (typeof answer === 'string') throw new Error(answer);
      return answer;
    },
    { timeoutMs: patienceMs, intervalMs: 50, what: `${request.kind} is allowed` },
  );
}

/** How it ended; the leader may change meanwhile. */
export async function end(context: FaultContext, { id }: Operation): Promise<Operation> {
  return pollUntil(
    async () => {
      const operation = await (await context.cluster.door()).operation(id);
      return operation && isFinished(operation.state) ? operation : undefined;
    },
    { timeoutMs: operationMs, intervalMs: 50, what: `operation ${id} ended` },
  );
}

export function told(operation: Operation): string {
  return operation.error ? `${operation.state} (${operation.error.message})` : operation.state;
}

/** Whether `probe` came true in that time. */
export async function within(ms: number, probe: () => Promise<boolean> | boolean): Promise<boolean> {
  const deadline = performance.now() + ms;
  while (performance.now() < deadline) {
    if (await Promise.resolve(probe()).catch(() => false)) return true;
    await delay(25);
  }
  return false;
}
