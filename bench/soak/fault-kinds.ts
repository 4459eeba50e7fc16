/**
 * What the soak does to a running cluster. Each fault is over when its function returns (thawed, partition expired); healing is then the product's
 * business. Choices come from the seeded random source only.
 */
import type { Fault as InjectedFault } from '../../engine/interconnect/api';
import { isFinished } from '../../engine/operations/model';
import type { ClusterDoor } from '../../engine/testing/cluster-door';
import { delay, distDirectory, type RealCluster, send } from '../../engine/testing/real-cluster';
import { rollingReplacement } from '../../engine/testing/rolling-upgrade';

export const faultKinds = [
  'kill-postgres',
  'kill-node',
  'freeze-node',
  'partition',
  'kill-guardian',
  'kill-controller',
  'upgrade',
] as const;
export type FaultKind = (typeof faultKinds)[number];

export type FaultContext = {
  readonly cluster: RealCluster;
  readonly door: ClusterDoor;
  readonly group: string;
  readonly random: () => number;
};

const freezeMs = 10_000;
const primaryShare = 0.65;

/** Does it, and says in a few words what it was. */
export async function inflict(kind: FaultKind, context: FaultContext): Promise<string> {
  if (kind === 'kill-controller') return killController(context);
  if (kind === 'upgrade') return replaceEverything(context);
  const node = await victim(context);
  const { cluster } = context;
  switch (kind) {
    case 'kill-postgres': {
      const pids = cluster.postgresProcesses(node.id);
      for (const pid of pids) send(pid, 'SIGKILL');
      return `${node.role} ${node.id}, ${pids.length} processes`;
    }
    case 'kill-node':
      return `${node.role} ${node.id}, ${cluster.signalNode(node.id, 'SIGKILL')} processes`;
    case 'freeze-node': {
      await freeze(cluster, node.id, freezeMs);
      return `${node.role} ${node.id}`;
    }
    case 'kill-guardian':
      send(cluster.guardianProcess(node.id), 'SIGKILL');
      return `${node.role} ${node.id}`;
    case 'partition':
      return partition(context, node);
  }
}

/** Every process by one of the same release, in the order of an upgrade; the soak began with one from the release before. */
async function replaceEverything({ cluster }: FaultContext): Promise<string> {
  await rollingReplacement(cluster, distDirectory());
  return 'every process replaced, one after the other';
}

type Victim = { readonly id: string; readonly role: 'primary' | 'standby' };

async function victim({ door, group, random }: FaultContext): Promise<Victim> {
  const view = await door.view();
  const primary = await door.primary(group);
  const standbys = view.nodes
    .filter((node) => node.record.group === group && node.record.id !== primary)
    .map((node) => node.record.id);
  if (random() < primaryShare || standbys.length === 0) return { id: primary, role: 'primary' };
  return { id: pick(standbys, random), role: 'standby' };
}

async function freeze(cluster: RealCluster, node: string, ms: number): Promise<void> {
  const pids = cluster.nodeProcesses(node);
  for (const pid of pids) send(pid, 'SIGSTOP');
  await delay(ms);
  for (const pid of pids) send(pid, 'SIGCONT');
}

/** Away from everyone or from one peer; both ways or one; the interconnect, the WAL stream or both. */
async function partition({ door, random }: FaultContext, node: Victim): Promise<string> {
  const ms = 2_000 + Math.floor(random() * 8_000);
  const peers = (await door.view()).nodes.map((one) => one.record.id).filter((id) => id !== node.id);
  const fault: InjectedFault = {
    peer: random() < 0.6 ? null : pick(peers, random),
    direction: pick(['both', 'both', 'in', 'out'] as const, random),
    channel: pick(['both', 'both', 'interconnect', 'wal'] as const, random),
    kind: 'partition',
    until: new Date(Date.now() + ms).toISOString(),
  };
  const over = performance.now() + ms;
  await door.setFaults(node.id, [fault]);
  await delay(Math.max(0, over - performance.now()));
  return `${node.role} ${node.id} from ${fault.peer ?? 'all'}, ${fault.direction}, ${fault.channel}, ${ms} ms`;
}

/** A failover is made to run (asked for, or by freezing the primary), then the agent that leads it dies at a random moment of it. */
async function killController(context: FaultContext): Promise<string> {
  const { cluster, door, group, random } = context;
  const primary = await door.primary(group);
  const members = (await door.view()).nodes.filter((node) => node.record.group === group).map((node) => node.record.id);
  const elsewhere = (await door.view()).nodes.map((node) => node.record.id).filter((id) => id !== primary);
  if ((await door.leader()) === primary) await door.transferLeadership(pick(elsewhere, random));
  const leader = await door.leader();
  const frozen = random() < 0.5;
  const thawed = frozen ? freeze(cluster, primary, freezeMs) : askForSwitchover(door, group, primary);
  const operation = frozen ? await runningOperation(door, group) : true;
  const afterMs = Math.floor(random() * 500);
  await delay(afterMs);
  send(cluster.agentProcess(leader), 'SIGKILL');
  await thawed;
  const where = members.includes(leader) ? 'same group' : 'other group';
  return `${leader} (${where}) ${afterMs} ms into a ${frozen ? 'failover' : 'switchover'} away from ${primary}${operation ? '' : ', none seen'}`;
}

/** Its answer may be lost with the leader; what counts is that it began. */
async function askForSwitchover(door: ClusterDoor, group: string, primary: string): Promise<void> {
  await door
    .startOperation({ kind: 'failover', group, mode: 'switchover', expectedPrimary: primary })
    .then(() => undefined)
    .catch(() => undefined);
}

async function runningOperation(door: ClusterDoor, group: string): Promise<boolean> {
  const deadline = performance.now() + 6_000;
  while (performance.now() < deadline) {
    const view = await door.view().catch(() => null);
    if (view?.operations.some((one) => one.group === group && one.kind === 'failover' && !isFinished(one.state)))
      return true;
    await delay(15);
  }
  return false;
}

function pick<T>(from: readonly T[], random: () => number): T {
  return from[Math.floor(random() * from.length)] as T;
}
