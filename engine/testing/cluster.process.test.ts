/**
 * A whole installation as a user starts it, hurt for real while a checked workload writes: PostgreSQL killed, a whole node frozen, a planned
 * switchover over REST, everything killed at once. One cluster, one story, in order; no acknowledged row may be missing on any member at the end.
 */
import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { pollUntil } from '../kernel/async';
import { CheckedWorkload } from './checked-workload';
import { OtlpReceiver, type ReceivedSpan } from './otlp-receiver';
import { RealCluster } from './real-cluster';

let cluster: RealCluster;
let workload: CheckedWorkload;
let collector: OtlpReceiver;
/** The caller's trace of the planned switchover. */
const trace = { id: '5e'.repeat(16), span: 'c0'.repeat(8) };

beforeAll(async () => {
  collector = await OtlpReceiver.start();
  cluster = await RealCluster.start({
    env: {
      OTEL_EXPORTER_OTLP_ENDPOINT: collector.url,
      OTEL_BSP_SCHEDULE_DELAY: '200',
      // Only what its caller records.
      OTEL_TRACES_SAMPLER: 'parentbased_always_off',
    },
  });
  await cluster.healed();
  const service = await cluster.service('alpha-rw');
  await CheckedWorkload.createTable(service);
  workload = new CheckedWorkload({ connect: async () => service, clients: 4, tag: 'story', thinkMs: 5 });
  workload.start();
});
afterAll(async () => {
  await workload?.stop();
  await cluster?.destroy();
  await collector?.stop();
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
    const started = await cluster.api<{ id: string; steps: { name: string }[] }>(
      'POST',
      '/cluster/failover',
      { group: 'alpha', target_node: target, plan_hash: plan.body.plan_hash },
      { traceparent: `00-${trace.id}-${trace.span}-01`, 'x-request-id': 'planned-switchover' },
    );
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

  it('tells that switchover as one trace, from the HTTP request to the statements of both servers', async () => {
    const isStatement = (span: ReceivedSpan) => span.attributes['db.system.name'] === 'postgresql';
    const spans = await collector.until(trace.id, 'the whole trace', (all) => {
      const has = (name: string) => all.some((span) => span.name === name);
      return has('operation failover') && has('agent.promote') && has('agent.demote') && all.some(isStatement);
    });
    const byId = new Map(spans.map((span) => [span.spanId, span]));
    const ancestors = (span: ReceivedSpan): readonly string[] => {
      const parent = span.parentSpanId === null ? undefined : byId.get(span.parentSpanId);
      return parent ? [parent.name, ...ancestors(parent)] : [];
    };
    const roots = spans.filter((span) => !byId.has(span.parentSpanId ?? ''));
    expect(roots.map((span) => [span.name, span.parentSpanId])).toEqual([['cluster.failover', trace.span]]);
    expect(roots[0]?.attributes).toMatchObject({
      'http.request.method': 'POST',
      'http.route': '/api/v1/cluster/failover',
      'rustydb.request_id': 'planned-switchover',
      'rustydb.code': 'OK',
    });
    const promote = spans.find((span) => span.name === 'agent.promote')!;
    expect(ancestors(promote)).toEqual(['step promote', 'operation failover', 'cluster.failover']);
    const promotion = spans.find((span) => `${span.attributes['db.query.text']}`.includes('pg_promote'))!;
    expect(ancestors(promotion)).toEqual(['agent.promote', ...ancestors(promote)]);
    expect(promotion.resource).toMatchObject({ 'service.instance.id': promote.attributes['rustydb.node'] });
    const checkpoint = spans.find((span) => span.name === 'CHECKPOINT')!;
    expect(ancestors(checkpoint).slice(0, 2)).toEqual(['agent.checkpoint', 'step checkpoint']);
    expect(checkpoint.resource['service.instance.id']).not.toBe(promotion.resource['service.instance.id']);
    expect(collector.spans.every((span) => span.traceId === trace.id)).toBe(true);
  });

  it('tells both groups, the links, the router and that switchover in its metrics', async () => {
    const scrape = async () =>
      (await fetch(`${cluster.url}/metrics`, { headers: { authorization: `Bearer ${cluster.apiKey}` } })).text();
    const values = (text: string, name: string, labels = '') =>
      text
        .split('\n')
        .filter((line) => line.startsWith(`${name}{`) && line.includes(labels))
        .map((line) => Number(line.split(' ').at(-1)));
    const text = await pollUntil(
      async () => {
        const told = await scrape();
        const counted = values(told, 'rustydb_failovers_total', 'trigger="switchover",outcome="succeeded"')[0];
        // A member that has rejoined becomes a voter a moment after it is healthy.
        const voters = values(told, 'rustydb_quorum_standby').filter((value) => value === 1).length;
        // A node that was just restarted tells its slots a report later.
        const slots = values(told, 'rustydb_node_slot_retained_bytes').length;
        return counted && voters === 3 && slots === 5 ? told : undefined;
      },
      {
        timeoutMs: 20_000,
        intervalMs: 100,
        what: 'the switchover is counted, all standbys are voters, all slots told',
      },
    );
    expect(values(text, 'rustydb_group_has_primary')).toEqual([1, 1]);
    expect(values(text, 'rustydb_primary').filter((value) => value === 1)).toHaveLength(2);
    expect(values(text, 'rustydb_quorum_standby').filter((value) => value === 1)).toHaveLength(3);
    expect(values(text, 'rustydb_postgres_streaming').filter((value) => value === 1)).toHaveLength(3);
    expect(values(text, 'rustydb_postgres_server_version').every((value) => value >= 180_000)).toBe(true);
    expect(values(text, 'rustydb_interconnect_rtt_seconds').length).toBeGreaterThanOrEqual(5 * 4);
    expect(values(text, 'rustydb_router_connections', 'service="alpha-rw"')[0]).toBeGreaterThanOrEqual(1);
    expect(values(text, 'rustydb_pending_restart')).toEqual([0, 0, 0, 0, 0]);
    const [pause] = values(text, 'rustydb_failover_write_pause_seconds_sum', 'trigger="switchover"');
    expect(pause).toBeGreaterThan(0.05);
    // The killed primary before may have been failed over from as well; whatever promoted somebody is counted once.
    const { body: changes } = await cluster.api<{ state: string; from: string; to: string }[]>(
      'GET',
      '/cluster/failovers',
    );
    const promotions = changes.filter((change) => change.state === 'succeeded');
    expect(promotions.every((change) => change.from !== null && change.from !== change.to)).toBe(true);
    expect(values(text, 'rustydb_operation_step_duration_seconds_count', 'step="promote"')).toEqual([
      promotions.length,
    ]);
  });

  it('has the request’s id in the log lines of console, controller and agents', async () => {
    const logged = (file: string) =>
      readFileSync(join(cluster.dataDirectory, 'logs', file), 'utf8')
        .split('\n')
        .filter((line) => line.includes('"requestId":"planned-switchover"'))
        .map((line) => JSON.parse(line) as Record<string, unknown>);
    const files = readdirSync(join(cluster.dataDirectory, 'logs')).filter((file) => file.endsWith('.log'));
    const lines = files.flatMap(logged);
    const said = (about: Record<string, unknown>) =>
      expect(lines).toContainEqual(expect.objectContaining({ ...about, trace_id: trace.id }));
    said({ process: 'console', procedure: 'cluster.failover', code: 'OK' });
    said({ process: 'agent', step: 'promote', msg: 'step begun' });
    said({ process: 'agent', command: 'agent.promote', msg: 'obeyed a command' });
    said({ process: 'agent', msg: 'operation ended', state: 'succeeded' });
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
