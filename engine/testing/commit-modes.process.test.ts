/**
 * What the commit modes promise when a standby is gone, with real servers: `wait` blocks writes and says so, `degrade` goes on alone and nobody is
 * promoted, and only an admin's explicit word gives acknowledged writes up. Also: a lease time changed while it is used, and replay paused by hand.
 */
import { mkdtempSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import pg from 'pg';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { pollUntil } from '../kernel/async';
import { CheckedWorkload } from './checked-workload';
import { RealCluster } from './real-cluster';

type Group = { name: string; primary: string; writable: boolean; degraded: boolean; epoch: number };
type Refusal = { code: string; details: { reasons?: { rule: string; remedy: string }[] } };
type Plan = {
  candidates: { node: string; eligible: boolean; checks: { rule: string; ok: boolean }[] }[];
  checks: { rule: string; ok: boolean }[];
  error: { code: string } | null;
};

const topology = `
cluster_name: modes
groups:
  - { name: careful, on_no_standby: wait, nodes: [{ id: c-1 }, { id: c-2 }] }
  - { name: brave, on_no_standby: degrade, nodes: [{ id: b-1 }, { id: b-2 }] }
  - { name: single, commit_mode: asynchronous, nodes: [{ id: s-1 }] }
`;

let cluster: RealCluster;
beforeAll(async () => {
  const file = join(mkdtempSync(join(tmpdir(), 'rustydb-modes-')), 'topology.yaml');
  writeFileSync(file, topology);
  cluster = await RealCluster.start({ topology: file });
  await cluster.healed();
});
afterAll(() => cluster?.destroy());

async function group(name: string): Promise<Group> {
  const { body } = await cluster.api<{ groups: Group[] }>('GET', '/cluster/topology');
  return body.groups.find((one) => one.name === name)!;
}

async function becomes(name: string, what: string, holds: (group: Group) => boolean): Promise<void> {
  await pollUntil(async () => holds(await group(name)) || undefined, { timeoutMs: 30_000, intervalMs: 50, what });
}

async function workloadOn(name: string): Promise<CheckedWorkload> {
  const service = await cluster.service(`${name}-rw`);
  await CheckedWorkload.createTable(service);
  const workload = new CheckedWorkload({ connect: async () => service, clients: 2, tag: name, thinkMs: 5 });
  workload.start();
  await commits(workload, 10);
  return workload;
}

async function commits(workload: CheckedWorkload, more: number): Promise<void> {
  const before = workload.commits.length;
  await pollUntil(() => workload.commits.length >= before + more || undefined, {
    timeoutMs: 30_000,
    intervalMs: 20,
    what: `${more} more commits`,
  });
}

const standbyOf = async (name: string) => {
  const { primary } = await group(name);
  return (await cluster.nodes()).find((node) => node.group === name && node.node_id !== primary)!.node_id;
};

async function nothingMissing(name: string, workload: CheckedWorkload): Promise<void> {
  for (const node of (await cluster.nodes()).filter((one) => one.group === name)) {
    await pollUntil(
      async () => (await workload.missing(await cluster.direct(node.node_id))).length === 0 || undefined,
      {
        timeoutMs: 30_000,
        intervalMs: 100,
        what: `${node.node_id} has every acknowledged row`,
      },
    );
  }
}

describe('commit modes without a standby', () => {
  it('wait: writes block, the group and /readyz say so, and everything acknowledged is there afterwards', async () => {
    const workload = await workloadOn('careful');
    const standby = await standbyOf('careful');
    cluster.signalNode(standby, 'SIGSTOP');
    try {
      await becomes('careful', 'careful says that it can not write', (one) => !one.writable);
      const blockedAt = workload.commits.length;
      const ready = await fetch(`${cluster.url}/readyz`);
      expect(ready.status).toBe(503);
      expect(await ready.text()).toContain('careful');
      // A commit that got through after that would have been acknowledged by nobody.
      await becomes('careful', 'it is still so', (one) => !one.writable && one.degraded);
      expect(workload.commits.length).toBe(blockedAt);
    } finally {
      cluster.signalNode(standby, 'SIGCONT');
    }
    await commits(workload, 20);
    await workload.stop();
    await cluster.healed();
    await nothingMissing('careful', workload);
  });

  it('degrade: writes go on, nobody may be promoted, and only an admin’s explicit word gives writes up', async () => {
    const workload = await workloadOn('brave');
    const standby = await standbyOf('brave');
    const { primary, epoch } = await group('brave');
    cluster.signalNode(standby, 'SIGSTOP');
    await becomes('brave', 'brave degrades', (one) => one.degraded && one.writable);
    // More than the frozen standby's sockets can hold: what comes after it is surely on the primary alone.
    const client = new pg.Client(await cluster.service('brave-rw'));
    await client.connect();
    await client.query("create table filler as select repeat('x', 900) as text from generate_series(1, 60000)");
    await client.end();
    await commits(workload, 20);
    await workload.stop();
    // Now the only member that has those writes goes silent, and the one that lacks them comes back.
    cluster.signalNode(primary, 'SIGSTOP');
    try {
      cluster.signalNode(standby, 'SIGCONT');
      await becomes('brave', 'brave has no serving primary', (one) => !one.writable);
      const refused = await pollUntil(
        async () => {
          const answer = await cluster.api<Refusal>('POST', '/cluster/failover', { group: 'brave', mode: 'failover' });
          if (answer.body.details?.reasons?.some((reason) => reason.rule === 'group-promotable')) return answer;
          throw new Error(JSON.stringify(answer.body).slice(0, 1500));
        },
        { timeoutMs: 20_000, intervalMs: 100, what: 'the refusal names the rule' },
      );
      expect([refused.status, refused.body.code]).toEqual([409, 'CONFLICT']);
      expect(await group('brave')).toMatchObject({ primary, epoch });
      const forced = await pollUntil(
        async () => {
          const answer = await cluster.api<{ id: string; bytes_at_risk: number | null }>('POST', '/cluster/failover', {
            group: 'brave',
            mode: 'failover',
            allow_data_loss: true,
            confirm: 'brave',
            reason: 'the machine of the primary is gone',
          });
          if (answer.status !== 202) throw new Error(JSON.stringify(answer.body));
          return answer;
        },
        { timeoutMs: 20_000, intervalMs: 100, what: 'the forced failover begins' },
      );
      const ended = await cluster.operation(forced.body.id);
      expect(ended.state, JSON.stringify(ended)).toBe('succeeded');
      expect((await group('brave')).primary).toBe(standby);
    } finally {
      cluster.signalNode(primary, 'SIGCONT');
      cluster.signalNode(standby, 'SIGCONT');
    }
    await cluster.healed();
    expect((await cluster.nodes()).find((node) => node.node_id === primary)?.role).toBe('standby');
    // Both members agree again; what was given up is gone on both, and it is exactly what was written while degraded.
    const [here, there] = await Promise.all(
      [primary, standby].map(async (node) => workload.missing(await cluster.direct(node))),
    );
    expect(here!.length).toBeGreaterThan(0);
    expect([...here!].sort()).toEqual([...there!].sort());
  });
});

describe('what is changed while it is used', () => {
  it('a longer lease holds from the next renewal on, and a frozen primary is still replaced', async () => {
    const changed = await cluster.api('PUT', '/cluster/config', { lease_ms: 3000 });
    expect(changed.status).toBe(200);
    await cluster.healed();
    const workload = await workloadOn('careful');
    const { primary } = await group('careful');
    cluster.signalNode(primary, 'SIGSTOP');
    try {
      await becomes('careful', 'the other member serves', (one) => one.primary !== primary);
    } finally {
      cluster.signalNode(primary, 'SIGCONT');
    }
    await commits(workload, 20);
    await workload.stop();
    await cluster.healed();
    await nothingMissing('careful', workload);
  });

  it('a standby whose replay was paused is no candidate until it goes on', async () => {
    const standby = await standbyOf('careful');
    const rule = async () => {
      const { body } = await cluster.api<Plan>('POST', '/cluster/failover/preflight', { group: 'careful' });
      const candidate = body.candidates.find((one) => one.node === standby)!;
      return candidate.checks.find((check) => check.rule.includes('replay'));
    };
    expect((await cluster.api('POST', `/replication/replicas/${standby}/pause`, {})).status).toBeLessThan(300);
    await pollUntil(async () => (await rule())?.ok === false || undefined, {
      timeoutMs: 15_000,
      intervalMs: 100,
      what: 'the preflight sees it',
    });
    expect((await cluster.api('POST', `/replication/replicas/${standby}/resume`, {})).status).toBeLessThan(300);
    await pollUntil(async () => (await rule()) === undefined || undefined, {
      timeoutMs: 15_000,
      intervalMs: 100,
      what: 'it may be promoted again',
    });
  });
});
