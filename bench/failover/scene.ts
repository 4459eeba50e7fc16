/**
 * One fault under load, measured from outside: the clients run, the fault is done to the group's primary, the cluster heals, and what happened is
 * read from the journal afterwards. The outage is the clients' own: the longest time in which none of them got a commit acknowledged.
 */
import { CheckedWorkload } from '../../engine/testing/checked-workload';
import type { ClusterDoor } from '../../engine/testing/cluster-door';
import { everyMemberCaughtUp } from '../../engine/testing/member-check';
import { delay, type RealCluster } from '../../engine/testing/real-cluster';

export const group = 'alpha';
const clients = 8;
const warmUpMs = 2_000;
const healTimeoutMs = 180_000;

export type Run = {
  readonly scenario: string;
  readonly run: number;
  readonly primary: string;
  readonly newPrimary: string;
  readonly outcome: 'failed over' | 'restarted in place';
  readonly outageMs: number;
  readonly healedMs: number;
  readonly commitsPerSecond: number;
  readonly connectFailures: number;
  readonly slowestConnectMs: number;
  readonly acknowledged: number;
  readonly lost: number;
  /** Of the operation that changed the primary, where there was one. */
  readonly phases: string;
  readonly notes: Readonly<Record<string, string | number>>;
};

export type Fault = (context: {
  readonly cluster: RealCluster;
  readonly door: ClusterDoor;
  readonly primary: string;
}) => Promise<Readonly<Record<string, string | number>>>;

/** Counts over the life of a benchmark, so that rows of two runs are never taken for each other. */
let runs = 0;

export async function play(cluster: RealCluster, scenario: string, run: number, fault: Fault): Promise<Run> {
  const door = await cluster.door();
  const before = await door.group(group);
  const primary = await door.primary(group);
  const service = await cluster.service(`${group}-rw`);
  const workload = new CheckedWorkload({ connect: async () => service, clients, tag: `${scenario}${++runs}` });
  workload.start();
  await delay(warmUpMs);
  const wallBegun = Date.now();
  const begun = performance.now();
  const notes = await fault({ cluster, door, primary });
  await firstCommitAfter(workload, begun);
  await door.healed(healTimeoutMs);
  const healedMs = performance.now() - begun;
  await delay(500);
  const end = performance.now();
  await workload.stop();
  let lost = 0;
  for (const node of await everyMemberCaughtUp(cluster, group, 60_000)) {
    const missing = await workload.missing(await cluster.direct(node));
    if (missing.length > 0)
      console.error(`LOST on ${node}: ${missing.length} rows, ${missing.slice(0, 5).join(', ')} …`);
    lost += missing.length;
  }
  const after = await door.group(group);
  const outage = workload.longestPause(begun, end);
  return {
    scenario,
    run,
    primary,
    newPrimary: after.record.primary ?? 'none',
    outcome: after.record.epoch === before.record.epoch ? 'restarted in place' : 'failed over',
    outageMs: Math.round(outage.ms),
    healedMs: Math.round(healedMs),
    commitsPerSecond: Math.round(workload.rate(begun - warmUpMs / 2, begun)),
    connectFailures: workload.connectFailures.length,
    slowestConnectMs: Math.round(Math.max(0, ...workload.connectMs)),
    acknowledged: workload.acknowledged.size,
    lost,
    phases: await phases(door, wallBegun),
    notes,
  };
}

/** A commit some time after the fault shows that the outage is over; a fault may also cause none at all. */
async function firstCommitAfter(workload: CheckedWorkload, begun: number): Promise<void> {
  const deadline = performance.now() + healTimeoutMs;
  while ((workload.commits.at(-1) ?? 0) < begun + 1_000) {
    if (performance.now() > deadline) throw new Error('no commit was acknowledged any more');
    await delay(20);
  }
}

async function phases(door: ClusterDoor, sinceWallMs: number): Promise<string> {
  const operation = (await door.operations(20)).find(
    (one) => one.kind === 'failover' && one.group === group && Date.parse(one.createdAt) >= sinceWallMs - 5,
  );
  return operation ? operation.timeline.map((entry) => `${entry.phase} ${entry.ms}`).join(', ') : '';
}
