/** Disks that are full: for WAL, for the control store's log, for a promise. Space comes back by itself; nobody restarts anything. */
import { delay, query } from '../../../engine/testing/real-cluster';
import { begin, end, type Fault, type FaultContext, killPostgres, members, pick, told, victim, within } from './fault';

const fullMs = 6_000;
const noticedWithinMs = 30_000;
const changes = 30;

function disksOf({ disks }: FaultContext): NonNullable<FaultContext['disks']> {
  if (!disks) throw new Error('disks can be made full only by root, on Linux');
  return disks;
}

/** Until PostgreSQL there has met it: WAL is written on purpose. */
export const walDiskFull: Fault = async (context) => {
  const { cluster, group, random } = context;
  const disks = disksOf(context);
  const node = await victim({ ...context, group });
  const postmaster = cluster.postgresProcesses(node.id)[0];
  let met = false;
  await disks.nodeFull(cluster, node.id, async () => {
    met = await within(noticedWithinMs, async () => {
      await writeWal(context);
      return await hasMetIt(context, node.id, postmaster);
    });
    await delay(Math.floor(random() * fullMs));
  });
  return { what: `${node.role} ${node.id}, ${met ? 'its PostgreSQL met it' : 'not met'}` };
};

/** WAL and nothing else. */
async function writeWal({ cluster, group }: FaultContext): Promise<void> {
  const login = { ...(await cluster.service(`${group}-rw`)), statement_timeout: 5_000, query_timeout: 6_000 };
  const text = `select pg_logical_emit_message(false, 'soak', repeat('x', 1000000)) from generate_series(1, 8)`;
  await query(login, text).catch(() => undefined);
}

async function hasMetIt({ cluster, group }: FaultContext, node: string, postmaster: number | undefined) {
  if (!cluster.postgresProcesses(node).some((pid) => pid === postmaster)) return true;
  const door = await cluster.door();
  const { record } = await door.group(group);
  if (record.primary === node) return false;
  const { report } = await door.nodeView(node);
  return report?.postgres.walReceiver?.status !== 'streaming';
}

/** Records go on being written: of the cluster's configuration, and every second time of a failover. */
export const logDiskFull: Fault = async (context) => {
  const { cluster, group, random } = context;
  const disks = disksOf(context);
  const { primary, standbys } = await members(context);
  const leader = await (await cluster.door()).leader();
  const own = [primary, ...standbys];
  const node = own.includes(leader) && random() < 0.6 ? leader : pick(own, random);
  const killed = random() < 0.5;
  let written = 0;
  await disks.logFull(cluster, node, async () => {
    for (let change = 0; change < changes; change++) {
      const door = await cluster.door();
      const patch = { clusterName: `rustydb-${Math.floor(random() * 1e6)}${'x'.repeat(32)}` };
      written += await door.configure(patch).then(
        () => 1,
        () => 0,
      );
      if (killed && change === changes / 2) killPostgres(cluster, await door.primary(group).catch(() => primary));
      await delay(fullMs / changes);
    }
  });
  const role = node === leader ? 'leader of the store' : node === primary ? 'primary' : 'standby';
  return {
    what: `${role} ${node}, ${written} of ${changes} changes written${killed ? ', PostgreSQL of the primary killed' : ''}`,
  };
};

/** Just when it has to be written: the primary goes. */
export const promiseDiskFull: Fault = async (context) => {
  const { cluster, group, random } = context;
  const disks = disksOf(context);
  const { primary, standbys } = await members(context);
  const full = random() < 0.5 ? standbys : [pick(standbys, random)];
  const how = pick(['node killed', 'node killed', 'switchover'] as const, random);
  const what = await disks.promiseFull(cluster, full, async () => {
    if (how === 'node killed') cluster.signalNode(primary, 'SIGKILL');
    const asked = how === 'switchover' ? await begin(context, { kind: 'failover', group, mode: 'switchover' }) : null;
    await delay(fullMs);
    return asked;
  });
  const ended = what === null ? '' : `: ${typeof what === 'string' ? what : told(await end(context, what))}`;
  return { what: `${full.join(', ')}, ${how}${ended}` };
};
