/**
 * A whole installation as a user starts it, hurt for real while a checked workload writes: PostgreSQL killed, a whole node frozen, a planned
 * switchover over REST, everything killed at once. One cluster, one story, in order; no acknowledged row may be missing on any member at the end.
 */
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { pollUntil } from '../kernel/async';
import { CheckedWorkload } from './checked-workload';
import { RealCluster } from './real-cluster';

let cluster: RealCluster;
let workload: CheckedWorkload;

beforeAll(async () => {
  cluster = await RealCluster.start();
  await cluster.healed();
  const service = await cluster.service('alpha-rw');
  await CheckedWorkload.createTable(service);
  workload = new CheckedWorkload({ connect: async () => service, clients: 4, tag: 'story', thinkMs: 5 });
  workload.start();
});
afterAll(async () => {
  await workload?.stop();
  await cluster?.destroy();
});

async function commitsGoOn(): Promise<void> {
  const before = workload.commits.length;
  await pollUntil(() => workload.commits.length > before + 20 || undefined, {
    timeoutMs: 30_000,
    intervalMs: 20,
    what: 'commits go on',
  });
}

async function nothingMissing(): Promise<void> {
  for (const node of (await cluster.nodes()).filter((one) => one.group === 'alpha')) {
    const direct = await cluster.direct(node.node_id);
    const missing = await pollUntil(
      async () => {
        const found = await workload.missing(direct);
        return found.length === 0 ? found : undefined;
      },
      { timeoutMs: 30_000, intervalMs: 200, what: `${node.node_id} has every acknowledged row` },
    );
    expect(missing).toEqual([]);
  }
}

describe('a cluster under load', () => {
  it('takes back a primary whose PostgreSQL was killed, in place or elsewhere', async () => {
    await commitsGoOn();
    const primary = await cluster.primary('alpha');
    const killed = cluster.postgresProcesses(primary);
    expect(killed.length).toBeGreaterThan(3);
    for (const pid of killed) process.kill(pid, 'SIGKILL');
    await commitsGoOn();
    await cluster.healed();
    expect(cluster.postgresProcesses(primary).some((pid) => killed.includes(pid))).toBe(false);
  });

  it('switches over as previewed, without a failed connection attempt, and refuses a stale guard', async () => {
    const from = await cluster.primary('alpha');
    const target = (await cluster.nodes()).find((node) => node.group === 'alpha' && node.node_id !== from)!.node_id;
    const failuresBefore = workload.connectFailures.length;
    const plan = await cluster.api<{ plan_hash: string; steps: { name: string }[]; state: string }>(
      'POST',
      '/cluster/failover',
      {
        group: 'alpha',
        target_node: target,
        dry_run: true,
      },
    );
    expect([plan.status, plan.body.state]).toEqual([200, 'planned']);
    const started = await cluster.api<{ id: string; steps: { name: string }[] }>('POST', '/cluster/failover', {
      group: 'alpha',
      target_node: target,
      plan_hash: plan.body.plan_hash,
    });
    expect(started.status, JSON.stringify(started.body)).toBe(202);
    expect(started.body.steps.map((step) => step.name)).toEqual(plan.body.steps.map((step) => step.name));
    expect((await cluster.operation(started.body.id)).state).toBe('succeeded');
    expect(await cluster.primary('alpha')).toBe(target);
    await commitsGoOn();
    expect(workload.connectFailures.length).toBe(failuresBefore);
    const stale = await cluster.api<{ code: string }>('POST', '/cluster/failover', {
      group: 'alpha',
      expected_epoch: 1,
    });
    expect([stale.status, stale.body.code]).toEqual([412, 'PRECONDITION_FAILED']);
    await cluster.healed();
  });

  it('fails over from a frozen node, which rejoins as a standby when it thaws', async () => {
    const frozen = await cluster.primary('alpha');
    expect(cluster.signalNode(frozen, 'SIGSTOP')).toBeGreaterThan(5);
    try {
      await pollUntil(async () => ((await cluster.primary('alpha')) !== frozen ? true : undefined), {
        timeoutMs: 30_000,
        intervalMs: 100,
        what: 'another primary',
      });
      await commitsGoOn();
    } finally {
      cluster.signalNode(frozen, 'SIGCONT');
    }
    await cluster.healed();
    expect((await cluster.nodes()).find((node) => node.node_id === frozen)?.role).toBe('standby');
    await nothingMissing();
  });

  it('comes back after kill -9 of every process with every acknowledged row', async () => {
    await workload.stop();
    cluster.killEverything();
    await pollUntil(() => cluster.allProcesses().length === 0 || undefined, {
      timeoutMs: 10_000,
      intervalMs: 20,
      what: 'all dead',
    });
    await cluster.launch();
    await cluster.healed();
    await nothingMissing();
    expect(workload.acknowledged.size).toBeGreaterThan(100);
  });
});
