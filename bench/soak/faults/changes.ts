/** What operators change while everything runs: primaries, settings, timings, modes, all processes; and something fails meanwhile. */

import type { OperationRequest } from '../../../engine/operations/model';
import { delay, distDirectory, query } from '../../../engine/testing/real-cluster';
import { rollingReplacement } from '../../../engine/testing/rolling-upgrade';
import {
  begin,
  beginWhenAllowed,
  between,
  end,
  type Fault,
  type FaultContext,
  killPostgres,
  members,
  pick,
  stopped,
  told,
  victim,
} from './fault';

const switchovers = 4;
const usualLeaseMs = 2_000;
const readyMs = 120_000;

/** Without a target and without a pause; a refusal (a copy of a slot that isn't ready) is asked again. */
export const switchedBackToBack: Fault = async (context) => {
  const { group } = context;
  const ends: string[] = [];
  for (let one = 0; one < switchovers; one++) {
    const request: OperationRequest = { kind: 'failover', group, mode: 'switchover', drainMs: 0 };
    const ended = await end(context, await beginWhenAllowed(context, request));
    const primary = await (await context.cluster.door()).primary(group);
    ends.push(ended.state === 'succeeded' ? primary : told(ended));
  }
  return { what: ends.join(', ') };
};

/** Half of the time PostgreSQL of a member dies at some moment of it. */
async function withADeath(context: FaultContext, mostMs: number, change: () => Promise<string>): Promise<string> {
  const { cluster, random } = context;
  const dies = random() < 0.5;
  const afterMs = between(0, mostMs, random);
  const node = await victim(context);
  const death = dies ? delay(afterMs).then(() => killPostgres(cluster, node.id)) : Promise.resolve(0);
  const what = await change();
  await death;
  return dies ? `${what}; PostgreSQL of ${node.role} ${node.id} killed after ${afterMs} ms` : what;
}

const settingChoices: readonly ((random: () => number) => Record<string, string | null>)[] = [
  (random) => ({ work_mem: `${between(4, 32, random)}MB` }),
  (random) => ({ max_connections: String(between(100, 180, random)) }),
  (random) => ({ max_wal_senders: String(between(14, 30, random)) }),
  (random) => ({ max_worker_processes: String(between(8, 16, random)), work_mem: `${between(4, 32, random)}MB` }),
  () => ({ default_transaction_isolation: 'serializable', intervalstyle: 'sql_standard', bytea_output: 'escape' }),
  () => ({ default_transaction_isolation: null, intervalstyle: null, bytea_output: null }),
];

export const settingsChanged: Fault = async (context) => {
  const { cluster, group, random } = context;
  const settings = pick(settingChoices, random)(random);
  const names = Object.keys(settings);
  const what = await withADeath(context, 6_000, async () => {
    const request: OperationRequest = { kind: 'change-settings', group, settings };
    const begun = await begin(context, request);
    return typeof begun === 'string' ? begun : told(await end(context, begun));
  });
  const shown = names.map((name) => `${name} = ${settings[name] ?? 'default'}`).join(', ');
  return { what: `${shown}: ${what}`, afterwards: () => sameEverywhere({ ...context, cluster }, names) };
};

/** Whatever became of a change: no member may be left with another value than the others. */
async function sameEverywhere(context: FaultContext, names: readonly string[]): Promise<string | null> {
  const { primary, standbys } = await members({ ...context, door: await context.cluster.door() });
  for (const name of names) {
    const values = new Map<string, string>();
    for (const node of [primary, ...standbys]) {
      const text = 'select reset_val as value from pg_settings where name = $1';
      const [row] = await query<{ value: string }>(await context.cluster.direct(node), text, [name]);
      values.set(node, row?.value ?? '');
    }
    if (new Set(values.values()).size > 1) return `${name} differs: ${JSON.stringify([...values])}`;
  }
  return null;
}

/** Another length of the lease and back, and the primary goes while nobody yet counts by the new one, or some do. */
export const timingChanged: Fault = async (context) => {
  const { cluster, door, random } = context;
  const leaseMs = pick([1_500, 4_000, 10_000, 20_000], random);
  const { primary } = await members(context);
  const afterMs = between(0, 3_000, random);
  const how = pick(['node killed', 'PostgreSQL killed', 'frozen', 'nothing else'] as const, random);
  const changed = await door.configure({ leaseMs }).then(
    () => null,
    (error: Error) => error.message,
  );
  await delay(afterMs);
  if (how === 'node killed') cluster.signalNode(primary, 'SIGKILL');
  if (how === 'PostgreSQL killed') killPostgres(cluster, primary);
  if (how === 'frozen') await stopped(cluster.nodeProcesses(primary), 6_000);
  await delay(between(500, 5_000, random));
  await setLease(context, usualLeaseMs);
  const what = `lease ${leaseMs} ms${changed === null ? '' : ` (${changed})`} and back, ${primary} ${how} after ${afterMs} ms`;
  return { what, afterwards: () => leaseIs(context, usualLeaseMs) };
};

async function setLease({ cluster }: FaultContext, leaseMs: number): Promise<void> {
  const deadline = performance.now() + 60_000;
  for (;;) {
    const door = await cluster.door();
    const failed = await door.configure({ leaseMs }).then(
      () => null,
      (error: Error) => error,
    );
    if (!failed) return;
    if (performance.now() > deadline) throw failed;
    await delay(100);
  }
}

async function leaseIs({ cluster }: FaultContext, leaseMs: number): Promise<string | null> {
  const deadline = performance.now() + 60_000;
  for (;;) {
    const { groups } = await (await cluster.door()).view();
    const other = groups.find((group) => (group.record.leaseMs ?? leaseMs) !== leaseMs);
    if (!other) return null;
    if (performance.now() > deadline) return `${other.record.name} still counts by ${other.record.leaseMs} ms`;
    await delay(100);
  }
}

/** From semi-synchronous to synchronous or back; never to what gives acknowledged writes up. */
export const modeChanged: Fault = async (context) => {
  const { door, group } = context;
  const { standbys } = await members(context);
  const { mode: before } = (await door.group(group)).record;
  const mode = before === 'synchronous' ? 'semi_synchronous' : 'synchronous';
  const what = await withADeath(context, 1_500, async () => {
    const request: OperationRequest = { kind: 'configure-replication', group, mode, standbys, settings: {} };
    const begun = await begin(context, request);
    return typeof begun === 'string' ? begun : told(await end(context, begun));
  });
  return { what: `${before} to ${mode}: ${what}` };
};

/** At the same moment: one of them is refused or waits, and neither is left half done. */
export const twoOperations: Fault = async (context) => {
  const { group, random } = context;
  const { primary, standbys } = await members(context);
  const standby = pick(standbys, random);
  const pool: readonly OperationRequest[] = [
    { kind: 'failover', group, mode: 'switchover', drainMs: 0 },
    { kind: 'failover', group, mode: 'switchover', target: standby, drainMs: 0 },
    { kind: 'restart-node', node: standby },
    { kind: 'restart-node', node: primary, force: true },
    { kind: 'rejoin-node', node: standby, reclone: true },
    { kind: 'change-settings', group, settings: { work_mem: `${between(4, 32, random)}MB` } },
    { kind: 'change-settings', group, settings: { max_connections: String(between(100, 180, random)) } },
  ];
  const both = [pick(pool, random), pick(pool, random)];
  const begun = await Promise.all(both.map((request) => begin(context, request)));
  const ends: string[] = [];
  for (const [index, one] of begun.entries()) {
    const request = both[index] as OperationRequest;
    const name = request.kind === 'restart-node' ? `restart ${request.node}` : request.kind;
    ends.push(`${name}: ${typeof one === 'string' ? one : told(await end(context, one))}`);
  }
  return { what: ends.join(' and ') };
};

/** As Ctrl-C and `npm start`, with clients that go on. */
export const restartedClean: Fault = async ({ cluster }) => {
  await cluster.closeDoor();
  const begun = performance.now();
  const code = await cluster.stop();
  const stoppedMs = performance.now() - begun;
  if (code !== 0) throw new Error(`the installation ended with code ${code}`);
  if (cluster.allProcesses().length > 0) throw new Error('processes are left after a clean stop');
  cluster.spawnLauncher();
  await cluster.ready(readyMs);
  const seconds = (ms: number) => (ms / 1000).toFixed(1);
  return {
    what: `stopped in ${seconds(stoppedMs)} s, writable ${seconds(performance.now() - begun - stoppedMs)} s after the start`,
  };
};

/** Every process by one of the same release, in the order of an upgrade; the soak began with one from the release before. */
export const everythingReplaced: Fault = async ({ cluster }) => {
  await rollingReplacement(cluster, distDirectory());
  return { what: 'every process replaced, one after the other' };
};
