/**
 * Two releases in one installation: the last one before levels, built from the history, and this one. Upgraded node by node under load, run mixed with
 * a failover in both directions, finished, and then no way back: what was acknowledged is on every member, nobody acknowledged beside another, and
 * the earlier release refuses the data with a sentence. One cluster, one story, in order.
 */
import { spawn } from 'node:child_process';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { NodeProber } from '../../bench/soak/prober';
import type { NodeReport } from '../cluster/model';
import { pollUntil, withTimeout } from '../kernel/async';
import { ownLevel, release } from '../kernel/release';
import { CheckedWorkload } from './checked-workload';
import { CommitIntervals } from './commit-intervals';
import { beforeLevels, earlierRelease } from './earlier-release';
import { everyMemberCaughtUp } from './member-check';
import { distDirectory, query, RealCluster } from './real-cluster';
import { frozen, runUpgrade } from './rolling-upgrade';

const groups = ['alpha', 'beta'] as const;
const healMs = 120_000;
/** Five nodes one after the other, each until it has caught up. */
const storyMs = 600_000;

let old: string;
let cluster: RealCluster;
const intervals = new Map<string, CommitIntervals>(groups.map((group) => [group, new CommitIntervals()]));
const workloads = new Map<string, CheckedWorkload>();
const probers: NodeProber[] = [];

beforeAll(async () => {
  old = earlierRelease(beforeLevels);
  cluster = await RealCluster.start({ dist: old, through: 'engine' });
  const door = await cluster.door();
  await door.healed(healMs);
  for (const group of groups) {
    const service = await cluster.service(`${group}-rw`);
    await CheckedWorkload.createTable(service);
    await query(service, NodeProber.table);
    const workload = new CheckedWorkload({ connect: async () => service, clients: 2, tag: group, thinkMs: 10 });
    workloads.set(group, workload);
    workload.start();
  }
  for (const { record } of (await door.view()).nodes) {
    const prober = new NodeProber(record.id, await cluster.direct(record.id), (commit) =>
      intervals.get(record.group)?.add(commit),
    );
    probers.push(prober);
    prober.start();
  }
}, 240_000);

afterAll(async () => {
  await Promise.all([...[...workloads.values()].map((one) => one.stop()), ...probers.map((one) => one.stop())]);
  await cluster?.destroy();
});

async function reports(): Promise<ReadonlyMap<string, NodeReport | null>> {
  const view = await (await cluster.door()).view();
  return new Map(view.nodes.map((node) => [node.record.id, node.report]));
}

async function releases(): Promise<Record<string, string>> {
  return Object.fromEntries([...(await reports())].map(([node, report]) => [node, report?.release ?? 'earlier']));
}

async function upgrade(...words: string[]): Promise<string> {
  const { code, said } = await runUpgrade(cluster, distDirectory(), words);
  expect(code, said).toBe(0);
  return said;
}

async function epochOf(group: string): Promise<number> {
  return (await (await cluster.door()).group(group)).record.epoch;
}

async function healed(): Promise<void> {
  await (await cluster.door()).healed(healMs, 2_500);
}

async function switchTo(group: string, target: string): Promise<void> {
  const door = await cluster.door();
  const { id } = await door.startOperation({ kind: 'failover', group, mode: 'switchover', target });
  expect((await door.finished(id)).state).toBe('succeeded');
  expect(await door.primary(group)).toBe(target);
}

describe('an upgrade node by node', { timeout: storyMs }, () => {
  it('says what it would do, and asks for the launcher first', async () => {
    const { code, said } = await runUpgrade(cluster, distDirectory(), []);
    expect(code).toBe(1);
    expect(said).toMatch(/1\. Replace the agent of node-\d and its guardian/);
    expect(said).toMatch(/Switch alpha over from node-1/);
    expect(said).toMatch(/The launcher \(pid \d+\) is of release 0\.1\.0 or older .*kill -USR2 \d+/);
    expect(new Set(Object.values(await releases()))).toEqual(new Set(['earlier']));
  });

  it('the new launcher takes over what runs', async () => {
    const before = ['node-1', 'node-2', 'node-4'].map((node) => cluster.agentProcess(node));
    await cluster.replaceLauncher(distDirectory());
    await cluster.ready(60_000);
    expect(['node-1', 'node-2', 'node-4'].map((node) => cluster.agentProcess(node))).toEqual(before);
    await healed();
  });

  it('standbys first, held so that everyone may go back', async () => {
    const said = await upgrade('--hold', '--apply', '--only', 'node-2', '--only', 'node-3', '--only', 'node-5');
    expect(said).toMatch(/The cluster stays at level 1: .* holds it/);
    expect(await releases()).toEqual({
      'node-1': 'earlier',
      'node-2': release,
      'node-3': release,
      'node-4': 'earlier',
      'node-5': release,
    });
  });
});

describe('two releases side by side', { timeout: storyMs }, () => {
  it('a frozen primary of the earlier release is replaced by one of this release, and comes back under it', async () => {
    const epoch = await epochOf('alpha');
    await frozen(cluster, 'node-1', () =>
      pollUntil(async () => (await epochOf('alpha')) > epoch || undefined, {
        timeoutMs: 60_000,
        intervalMs: 100,
        what: 'alpha fails over',
      }),
    );
    await healed();
    expect(['node-2', 'node-3']).toContain(await cluster.primary('alpha'));
    expect((await releases())['node-1']).toBe('earlier');
  });

  it('a primary of this release that dies with its whole node is replaced by one of the earlier release', async () => {
    await switchTo('beta', 'node-5');
    await healed();
    const epoch = await epochOf('beta');
    await frozen(cluster, 'node-5', () =>
      pollUntil(async () => (await epochOf('beta')) > epoch || undefined, {
        timeoutMs: 60_000,
        intervalMs: 100,
        what: 'beta fails over',
      }),
    );
    await healed();
    expect(await cluster.primary('beta')).toBe('node-4');
    expect((await releases())['node-4']).toBe('earlier');
  });

  it('switchovers work in both directions, whichever release leads the control store', async () => {
    const door = await cluster.door();
    for (const leader of ['node-4', 'node-5']) {
      await door.transferLeadership(leader);
      await switchTo('alpha', 'node-1');
      await healed();
      await switchTo('alpha', 'node-2');
      await healed();
    }
    expect((await releases())['node-1']).toBe('earlier');
    // Told by whoever leads, where that is one who knows releases.
    const problems = (await door.view()).problems.filter(({ rule }) => rule === 'mixed-releases');
    expect(problems.map(({ group }) => group).sort()).toEqual(['alpha', 'beta']);
  });

  it('a server goes on under the guardian of the earlier release while its agent is replaced by one of this release', async () => {
    const postmaster = (await reports()).get('node-1')?.postgres.postmasterPid;
    const guardian = cluster.guardianProcess('node-1');
    process.kill(cluster.agentProcess('node-1'), 'SIGUSR2');
    await pollUntil(async () => (await releases())['node-1'] === release || undefined, {
      timeoutMs: 60_000,
      intervalMs: 100,
      what: 'node-1 reports this release',
    });
    await healed();
    const report = (await reports()).get('node-1');
    expect(report?.postgres.postmasterPid).toBe(postmaster);
    expect(report?.guardianPid).toBe(guardian);
    expect(report?.guardianVersion).toBe(1);
    // With its server's next stop it makes room for one of this release.
    const door = await cluster.door();
    const { id } = await door.startOperation({ kind: 'restart-node', node: 'node-1' });
    expect((await door.finished(id)).state).toBe('succeeded');
    await healed();
    const after = (await reports()).get('node-1');
    expect(after?.guardianVersion).toBeGreaterThan(1);
    expect(after?.guardianPid).not.toBe(guardian);
  });
});

describe('the way back', { timeout: storyMs }, () => {
  it('is open until the level rises: a node runs the earlier release again, and then this one', async () => {
    await cluster.replaceLauncher(old);
    await cluster.ready(60_000);
    process.kill(cluster.agentProcess('node-3'), 'SIGTERM');
    await pollUntil(async () => (await releases())['node-3'] === 'earlier' || undefined, {
      timeoutMs: 60_000,
      intervalMs: 100,
      what: 'node-3 reports the earlier release',
    });
    await healed();
    await cluster.replaceLauncher(distDirectory());
    await cluster.ready(60_000);
    await healed();
    expect((await releases())['node-3']).toBe('earlier');
  });
});

describe('the end of the upgrade', { timeout: storyMs }, () => {
  it('the rest follows, and the level rises', async () => {
    const said = await upgrade('--finish', '--apply');
    expect(said).toMatch(/The cluster is at level 2: releases before 0\.2\.0 can't start on this data any more/);
    expect(new Set(Object.values(await releases()))).toEqual(new Set([release]));
    for (const report of (await reports()).values()) expect(report?.sealedLevel).toBe(ownLevel);
    expect(await upgrade()).toMatch(/Every process that was named runs release/);
  });

  it('each agent now answers load balancers, on a port that it has got and registered', async () => {
    const door = await cluster.door();
    const { nodes } = await door.view();
    for (const { record } of nodes) {
      const port = await pollUntil(async () => (await door.nodeView(record.id)).record.probePort ?? undefined, {
        timeoutMs: 30_000,
        intervalMs: 100,
        what: `${record.id} registers its port`,
      });
      expect((await fetch(`http://${record.host}:${port}/liveness`)).status).toBe(200);
    }
  });

  it('from this release to the same again an agent is replaced under its running server', async () => {
    const primary = await cluster.primary('alpha');
    const standby = ['node-1', 'node-2', 'node-3'].find((node) => node !== primary)!;
    const postmaster = (await reports()).get(standby)?.postgres.postmasterPid;
    const agent = cluster.agentProcess(standby);
    process.kill(agent, 'SIGUSR2');
    await pollUntil(async () => ((await reports()).get(standby)?.agentPid ?? agent) !== agent || undefined, {
      timeoutMs: 30_000,
      intervalMs: 50,
      what: 'the next agent reports',
    });
    await healed();
    expect((await reports()).get(standby)?.postgres.postmasterPid).toBe(postmaster);
  });

  it('nothing that was acknowledged is missing anywhere, and nobody acknowledged beside another', async () => {
    await Promise.all([...[...workloads.values()].map((one) => one.stop()), ...probers.map((one) => one.stop())]);
    await healed();
    for (const group of groups) {
      const workload = workloads.get(group)!;
      expect(workload.acknowledged.size).toBeGreaterThan(100);
      for (const node of await everyMemberCaughtUp(cluster, group, healMs))
        expect(await workload.missing(await cluster.direct(node)), `${group} on ${node}`).toEqual([]);
      expect(intervals.get(group)!.violations()).toEqual([]);
    }
  });
});

describe('no way back', { timeout: storyMs }, () => {
  it('the earlier release refuses the data with a sentence and starts nothing; this one starts as before', async () => {
    await cluster.stop();
    const launcher = spawn(process.execPath, [join(old, 'launcher.mjs')], {
      stdio: ['ignore', 'pipe', 'pipe'],
      env: { ...process.env, ...cluster.environment() },
    });
    let said = '';
    for (const stream of [launcher.stdout, launcher.stderr]) stream.on('data', (chunk: Buffer) => (said += chunk));
    const ended = new Promise<number | null>((done) => launcher.once('close', (code) => done(code)));
    expect(await withTimeout(ended, 30_000, 'the earlier release gives up')).toBe(1);
    for (const node of ['node-1', 'node-5'])
      expect(said).toMatch(
        new RegExp(
          `${node} can't start\\. .*used by RustyDB ${release}: start that release or a newer one, and move nothing away`,
        ),
      );
    expect(said).toMatch(/None of the nodes can start/);
    expect(cluster.allProcesses()).toEqual([]);
    await cluster.launch();
    await (await cluster.door()).healed(healMs);
    for (const group of groups)
      expect(await workloads.get(group)!.missing(await cluster.service(`${group}-rw`))).toEqual([]);
  });
});
