/**
 * One fault under load, measured from outside: the clients run, the fault is done to the group's primary, the cluster heals, and what happened is
 * read from the journal afterwards. The outage is the clients' own: the longest time in which none of them got a commit acknowledged.
 */

import type { Operation } from '../../engine/operations/model';
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
  readonly journal: readonly string[];
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
  const healedMs = (await door.healed(healTimeoutMs, 1_000)) - begun;
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
  const operations = await failoversSince(door, wallBegun);
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
    phases: phasesOf(operations.find((one) => one.state === 'succeeded') ?? operations[0]),
    journal: operations.flatMap(journalOf),
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

async function failoversSince(door: ClusterDoor, wallMs: number): Promise<readonly Operation[]> {
  return (await door.operations(20)).filter(
    (one) => one.kind === 'failover' && one.group === group && Date.parse(one.createdAt) >= wallMs - 5,
  );
}

function phasesOf(operation: Operation | undefined): string {
  return operation ? operation.timeline.map((entry) => `${entry.phase} ${entry.ms}`).join(', ') : '';
}

/** Journal lines, so that a slow run explains itself without its installation. */
function journalOf(operation: Operation): readonly string[] {
  return [
    `${operation.id} ${operation.createdAt} ${operation.state} ${operation.error?.message ?? ''}`.trim(),
    ...operation.steps.map(
      (step) =>
        `${step.startedAt?.slice(14) ?? '-'} ${step.finishedAt?.slice(14) ?? '-'} ${step.name} ${step.state} (${step.attempt}) ${step.detail ?? ''}`,
    ),
  ];
}
