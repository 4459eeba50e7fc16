/**
 * How long a group is unprotected after a clean stop under load: from the moment an installation that starts again is ready, until each group has
 * what its commit mode promises. Taken from PostgreSQL's senders and not from the group record, which still says what was before the stop.
 */
import type { ClusterView } from '../../engine/cluster/model';
import { CheckedWorkload } from '../../engine/testing/checked-workload';
import { everyMemberCaughtUp } from '../../engine/testing/member-check';
import { delay, type RealCluster } from '../../engine/testing/real-cluster';

const groups = ['alpha', 'beta'] as const;
const clients = 8;
const steadyMs = 1_000;
const timeoutMs = 180_000;
const lookEveryMs = 50;

export type ProtectedAgain = {
  readonly stopMs: number;
  readonly readyMs: number;
  /** After ready, per group; and how long it was shown as degraded meanwhile. */
  readonly groups: readonly { readonly name: string; readonly protectedMs: number; readonly degradedMs: number }[];
  readonly acknowledged: number;
  readonly lost: number;
};

export async function protectedAgain(cluster: RealCluster, number: number, loadMs: number): Promise<ProtectedAgain> {
  const workloads = await Promise.all(
    groups.map(async (name) => {
      const service = await cluster.service(`${name}-rw`);
      await CheckedWorkload.createTable(service);
      const workload = new CheckedWorkload({ connect: async () => service, clients, tag: `stopped${number}` });
      workload.start();
      return { name, workload };
    }),
  );
  await delay(loadMs);
  await cluster.closeDoor();
  // The clients go on until the stop ends them.
  const begun = performance.now();
  const code = await cluster.stop();
  const stopMs = Math.round(performance.now() - begun);
  await Promise.all(workloads.map(({ workload }) => workload.stop()));
  if (code !== 0) throw new Error(`the launcher ended with ${code}`);
  const readyMs = Math.round(await cluster.launch());
  const found = await untilProtected(cluster);
  let lost = 0;
  for (const { name, workload } of workloads) {
    for (const node of await everyMemberCaughtUp(cluster, name, 120_000))
      lost += (await workload.missing(await cluster.direct(node))).length;
  }
  const acknowledged = workloads.reduce((sum, { workload }) => sum + workload.acknowledged.size, 0);
  return { stopMs, readyMs, groups: found, acknowledged, lost };
}

async function untilProtected(cluster: RealCluster): Promise<ProtectedAgain['groups']> {
  const begun = performance.now();
  const since = new Map<string, number>();
  const degradedMs = new Map<string, number>();
  const door = await cluster.door();
  for (let last = begun; ; ) {
    const view = await door.view().catch(() => null);
    const now = performance.now();
    for (const name of groups) {
      if (view?.groups.find((group) => group.record.name === name)?.degraded)
        degradedMs.set(name, (degradedMs.get(name) ?? 0) + now - last);
      if (view === null || !isProtected(view, name)) since.delete(name);
      else if (!since.has(name)) since.set(name, now);
    }
    if (groups.every((name) => now - (since.get(name) ?? now) >= steadyMs))
      return groups.map((name) => ({
        name,
        protectedMs: Math.round(since.get(name)! - begun),
        degradedMs: Math.round(degradedMs.get(name) ?? 0),
      }));
    if (now - begun > timeoutMs) throw new Error(`not protected again after ${timeoutMs} ms`);
    last = now;
    await delay(lookEveryMs);
  }
}

/** Commits wait for standbys, and as many as they wait for stream: a crash of the primary now loses nothing and waits for nobody. */
function isProtected(view: ClusterView, name: string): boolean {
  const group = view.groups.find((one) => one.record.name === name);
  if (!group?.writable || group.degraded || group.record.promotable !== 'voters') return false;
  const { members, k } = group.record.voterSet;
  const primary = view.nodes.find((node) => node.record.id === group.record.primary)?.report?.postgres;
  const streaming = (primary?.senders ?? []).filter(
    (sender) => sender.state === 'streaming' && members.includes(sender.applicationName),
  );
  return members.length > 0 && primary?.state === 'primary' && streaming.length >= k;
}
