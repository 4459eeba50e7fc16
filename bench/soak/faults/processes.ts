/** Processes that die, stand still or can't be heard: of PostgreSQL, of a node, of whoever leads. */

import type { Fault as InjectedFault } from '../../../engine/interconnect/api';
import { isFinished } from '../../../engine/operations/model';
import { processTitle } from '../../../engine/testing/process-table';
import { delay, type RealCluster, send } from '../../../engine/testing/real-cluster';
import { asSuperuser } from '../../../engine/testing/superuser';
import {
  begin,
  between,
  type Fault,
  type FaultContext,
  killPostgres,
  members,
  pick,
  stopped,
  type Victim,
  victim,
} from './fault';

const freezeMs = 10_000;
const helperMs = 8_000;
/** Once after a change of members, once during a promotion: both have to wait for the checkpointer. */
const checkpointerMs = 9_000;
/** More than a pipe holds. */
const logLines = 200;

export const postgresKilled: Fault = async (context) => {
  const node = await victim(context);
  return { what: `${node.role} ${node.id}, ${killPostgres(context.cluster, node.id)} processes` };
};

export const nodeKilled: Fault = async (context) => {
  const node = await victim(context);
  return { what: `${node.role} ${node.id}, ${context.cluster.signalNode(node.id, 'SIGKILL')} processes` };
};

export const nodeFrozen: Fault = async (context) => {
  const node = await victim(context);
  await stopped(context.cluster.nodeProcesses(node.id), freezeMs);
  return { what: `${node.role} ${node.id}` };
};

export const guardianKilled: Fault = async (context) => {
  const node = await victim(context);
  send(context.cluster.guardianProcess(node.id), 'SIGKILL');
  return { what: `${node.role} ${node.id}` };
};

/** Away from everyone or from one peer; both ways or one; the interconnect, the WAL stream or both. */
export const partitioned: Fault = async (context) => {
  const node: Victim = await victim(context);
  const { door, random } = context;
  const ms = between(2_000, 10_000, random);
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
  return {
    what: `${node.role} ${node.id} from ${fault.peer ?? 'all'}, ${fault.direction}, ${fault.channel}, ${ms} ms`,
  };
};

/** A failover is made to run (asked for, or by freezing the primary), then the agent that leads it dies at a random moment of it. */
export const controllerKilled: Fault = async (context) => {
  const { cluster, door, group, random } = context;
  const { primary, standbys } = await members(context);
  const elsewhere = (await door.view()).nodes.map((node) => node.record.id).filter((id) => id !== primary);
  if ((await door.leader()) === primary) await door.transferLeadership(pick(elsewhere, random));
  const leader = await door.leader();
  const frozen = random() < 0.5;
  const thawed = frozen
    ? stopped(cluster.nodeProcesses(primary), freezeMs)
    : begin(context, { kind: 'failover', group, mode: 'switchover', expectedPrimary: primary });
  const seen = frozen ? await failoverRuns(context) : true;
  const afterMs = Math.floor(random() * 500);
  await delay(afterMs);
  send(cluster.agentProcess(leader), 'SIGKILL');
  await thawed;
  const where = standbys.includes(leader) ? 'same group' : 'other group';
  return {
    what: `${leader} (${where}) ${afterMs} ms into a ${frozen ? 'failover' : 'switchover'} away from ${primary}${seen ? '' : ', none seen'}`,
  };
};

async function failoverRuns({ door, group }: FaultContext): Promise<boolean> {
  const deadline = performance.now() + 6_000;
  while (performance.now() < deadline) {
    const view = await door.view().catch(() => null);
    if (view?.operations.some((one) => one.group === group && one.kind === 'failover' && !isFinished(one.state)))
      return true;
    await delay(15);
  }
  return false;
}

/**
 * A long fsync of a checkpoint, as PostgreSQL sees it: who sets whether commits wait does nothing. On the primary while a standby goes away and comes
 * back, or on all standbys while one of them is promoted.
 */
export const checkpointerStopped: Fault = async (context) => {
  const { cluster, random } = context;
  const { primary, standbys } = await members(context);
  if (random() < 0.5) {
    const standby = pick(standbys, random);
    const still = stopped(processesOf(cluster, primary, 'checkpointer'), checkpointerMs);
    await stopped(cluster.nodeProcesses(standby), checkpointerMs / 2);
    await still;
    return { what: `primary ${primary}, and ${standby} frozen meanwhile` };
  }
  const still = stopped(
    standbys.flatMap((node) => processesOf(cluster, node, 'checkpointer')),
    checkpointerMs,
  );
  const whole = random() < 0.5;
  if (whole) cluster.signalNode(primary, 'SIGKILL');
  else killPostgres(cluster, primary);
  await still;
  return { what: `standbys ${standbys.join(', ')}, and ${whole ? 'node' : 'PostgreSQL'} of ${primary} killed` };
};

const helpers = ['walsender', 'walreceiver', 'logger', 'startup', 'slotsync worker', 'walwriter'] as const;

/** One of PostgreSQL's own processes. The logger with its pipe full: whoever logs next waits for it. */
export const helperStopped: Fault = async (context) => {
  const { cluster, random } = context;
  const { primary, standbys } = await members(context);
  const helper = pick(helpers, random);
  const onPrimary =
    helper === 'walsender' || helper === 'walwriter' || (helper === 'logger' && random() < primaryShareOfLoggers);
  const node = onPrimary ? primary : pick(standbys, random);
  const pids = processesOf(cluster, node, helper);
  const still = stopped(pids, helperMs);
  if (helper === 'logger') {
    const line = `DO $$ BEGIN FOR i IN 1..${logLines} LOOP RAISE LOG '%', repeat('x', 1000); END LOOP; END $$`;
    await asSuperuser(cluster, node, line).catch(() => undefined);
  }
  await still;
  return { what: `${pids.length} ${helper} of ${onPrimary ? 'primary' : 'standby'} ${node}` };
};
const primaryShareOfLoggers = 0.6;

function processesOf(cluster: RealCluster, node: string, name: string): readonly number[] {
  return cluster.postgresProcesses(node).filter((pid) => processTitle(pid).includes(name));
}
