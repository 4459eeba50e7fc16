/** What reaches a collector: off unless the environment names one; parents and codes right; the context goes over requests and into the journal. */
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import pino from 'pino';
import { afterAll, beforeAll, describe, expect, it, vi } from 'vitest';
import { pollUntil } from '../kernel/async';
import { ClusterError } from '../kernel/errors';
import { createLogger } from '../kernel/log';
import { systemLoop } from '../kernel/loop';
import { answerTraced, withTrace } from '../kernel/traced-request';
import { activeTraceparent, inSpan, inSqlSpan } from '../kernel/tracing';
import { observedCommand } from '../node/command-trace';
import { isFinished, type Operation } from '../operations/model';
import { OtlpReceiver } from '../testing/otlp-receiver';
import { groupName, SimulatedWorld } from '../testing/simulated-agents';
import { startTraceExport, type TraceExport, tracesAreWanted } from './trace-export';

const silent = pino({ level: 'silent' });
const callerTrace = (trace: string) => `00-${trace.padEnd(32, '1')}-b7ad6b7169203331-01`;

let receiver: OtlpReceiver;
let traces: TraceExport;

beforeAll(async () => {
  receiver = await OtlpReceiver.start();
  vi.stubEnv('OTEL_EXPORTER_OTLP_ENDPOINT', receiver.url);
  vi.stubEnv('OTEL_BSP_SCHEDULE_DELAY', '20');
  traces = await startTraceExport({ process: 'agent', instance: 'node-1', cluster: 'test' }, silent);
});
afterAll(async () => {
  await traces.stop();
  vi.unstubAllEnvs();
  await receiver.stop();
});

describe('whether traces are exported', () => {
  it.each([
    [{}, false],
    [{ OTEL_SERVICE_NAME: 'x', OTEL_TRACES_SAMPLER: 'always_on' }, false],
    [{ OTEL_EXPORTER_OTLP_ENDPOINT: '' }, false],
    [{ OTEL_EXPORTER_OTLP_ENDPOINT: 'http://c:4318' }, true],
    [{ OTEL_EXPORTER_OTLP_TRACES_ENDPOINT: 'http://c:4318/v1/traces' }, true],
    [{ OTEL_EXPORTER_OTLP_ENDPOINT: 'http://c:4318', OTEL_SDK_DISABLED: 'true' }, false],
    [{ OTEL_EXPORTER_OTLP_ENDPOINT: 'http://c:4318', OTEL_TRACES_EXPORTER: 'none' }, false],
  ])('%j: %s', (env, wanted) => {
    expect(tracesAreWanted(env)).toBe(wanted);
  });
});

describe('spans', () => {
  it('nest over a request to another process and down to the statement', async () => {
    const trace = 'a'.repeat(32);
    const answer = await inSpan({ name: 'call', kind: 'server', parent: callerTrace(trace) }, async () => {
      // As the parameters travel: JSON.
      const payload: unknown = JSON.parse(JSON.stringify(withTrace({ limit: 1 })));
      return answerTraced('node.sessions', payload, async (params) => {
        await inSqlSpan("SELECT 'secret', $1", async () => []).catch(() => undefined);
        await inSqlSpan('SELEC 1', () => Promise.reject(Object.assign(new Error('syntax'), { code: '42601' }))).catch(
          () => undefined,
        );
        return params;
      });
    });
    expect(answer).toEqual({ limit: 1 });
    const spans = await receiver.until(trace, 'four spans', (all) => all.length === 4);
    const named = (name: string) => spans.find((span) => span.name === name)!;
    expect(named('call').parentSpanId).toBe('b7ad6b7169203331');
    expect(named('node.sessions').parentSpanId).toBe(named('call').spanId);
    expect(named('SELECT').parentSpanId).toBe(named('node.sessions').spanId);
    expect(named('SELECT').attributes).toMatchObject({
      'db.system.name': 'postgresql',
      'db.query.text': 'SELECT ?, $1',
    });
    expect(named('SELEC')).toMatchObject({ failed: true, attributes: { 'db.response.status_code': '42601' } });
    expect(named('call').resource).toMatchObject({
      'service.name': 'rustydb-agent',
      'service.instance.id': 'node-1',
      'service.namespace': 'test',
    });
  });

  it('carry the code of a refusal', async () => {
    const trace = 'b'.repeat(32);
    const refused = inSpan({ name: 'call', parent: callerTrace(trace) }, async () => {
      throw new ClusterError('CONFLICT', 'busy');
    });
    await expect(refused).rejects.toThrow('busy');
    const [span] = await receiver.until(trace, 'the span', (all) => all.length === 1);
    expect(span).toMatchObject({ failed: true, attributes: { 'error.type': 'CONFLICT' } });
  });

  it('are not opened for a statement, a request or a command that is part of nothing', async () => {
    const before = receiver.spans.length;
    await inSqlSpan('SELECT 1', async () => expect(activeTraceparent()).toBeNull());
    await answerTraced('node.wal', {}, async () => expect(activeTraceparent()).toBeNull());
    const obey = async () => expect(activeTraceparent()).toBeNull();
    await observedCommand('agent.checkpoint', {}, { node: 'node-1', logger: silent, loop: systemLoop, obey });
    await inSpan({ name: 'last' }, async () => undefined);
    await pollUntil(() => receiver.spans.some((span) => span.name === 'last') || undefined, {
      timeoutMs: 5_000,
      intervalMs: 5,
      what: 'the last span',
    });
    expect(receiver.spans.length).toBe(before + 1);
  });

  it('of a caller that does not record are not exported, and the next process is told so', async () => {
    const unsampled = callerTrace('c'.repeat(32)).replace(/01$/, '00');
    const passed = await inSpan({ name: 'quiet', parent: unsampled }, async () => activeTraceparent());
    expect(passed).toMatch(new RegExp(`^00-${'c'.repeat(32)}-[0-9a-f]{16}-00$`));
    expect(receiver.ofTrace('c'.repeat(32))).toEqual([]);
  });

  it('are named in log lines', async () => {
    const trace = 'd'.repeat(32);
    const directory = mkdtempSync(join(tmpdir(), 'rustydb-trace-log-'));
    const file = join(directory, 'log');
    const logger = createLogger('agent', {}, file);
    logger.info('outside');
    await inSpan({ name: 'logs', parent: callerTrace(trace) }, async () => logger.info('inside'));
    const { readFileSync } = await import('node:fs');
    const [outside, inside] = readFileSync(file, 'utf8')
      .trim()
      .split('\n')
      .map((line) => JSON.parse(line) as Record<string, unknown>);
    expect(outside).not.toHaveProperty('trace_id');
    expect(inside).toMatchObject({ trace_id: trace, msg: 'inside' });
    rmSync(directory, { recursive: true });
  });
});

describe('an operation', () => {
  const requester = { by: 'test', reason: null, requestId: 'req-1', admin: true };

  async function finishedIn(world: SimulatedWorld): Promise<Operation> {
    const operation = await pollUntil(
      () =>
        world.store
          .as('x')
          .localList('operations/')
          .map((entry) => entry.value as unknown as Operation)
          .find((one) => isFinished(one.state)),
      { timeoutMs: 10_000, intervalMs: 5, what: 'the operation has ended' },
    );
    return operation;
  }

  async function world(use: (of: SimulatedWorld) => Promise<void>): Promise<void> {
    const archiveDirectory = mkdtempSync(join(tmpdir(), 'rustydb-trace-'));
    const of = new SimulatedWorld({ archiveDirectory });
    of.start();
    try {
      await pollUntil(() => (of.acknowledged.size > 20 ? true : undefined), {
        timeoutMs: 10_000,
        intervalMs: 5,
        what: 'rows are acknowledged',
      });
      await use(of);
    } finally {
      await of.stop();
      rmSync(archiveDirectory, { recursive: true, force: true, maxRetries: 20, retryDelay: 20 });
    }
  }

  it('and its steps are part of the request’s trace, and a later leader goes on in it', async () => {
    const trace = 'e'.repeat(32);
    await world(async (of) => {
      let killed = false;
      of.store.afterTxn = (txn) => {
        if (killed || !txn.mutations.some((one) => JSON.stringify(one).includes('"state":"running","startedAt"')))
          return;
        if (of.record.operation === null) return;
        killed = true;
        const leader = of.store.leader!;
        of.killController(leader);
        const next = [...of.controllers].find(([id, other]) => id !== leader && !other.member.dead)![0];
        setImmediate(() => of.store.lead(next));
      };
      const start = {
        request: { kind: 'failover', group: groupName, mode: 'switchover' } as const,
        requester: { ...requester, traceparent: callerTrace(trace) },
        planHash: null,
        idempotencyKey: null,
      };
      void of.leader.handle('operation.start', start).catch(() => undefined);
      const done = await finishedIn(of);
      expect([killed, done.state, done.traceparent]).toEqual([true, 'succeeded', callerTrace(trace)]);
      const all = await receiver.until(trace, 'both leaders’ operation spans', (spans) => {
        return spans.filter((span) => span.name === 'operation failover').length === 2;
      });
      const operations = all.filter((span) => span.name === 'operation failover');
      for (const span of operations) expect(span.parentSpanId).toBe('b7ad6b7169203331');
      const steps = all.filter((span) => span.name.startsWith('step '));
      expect(steps.length).toBeGreaterThanOrEqual(done.steps.length);
      for (const step of steps) expect(operations.map((one) => one.spanId)).toContain(step.parentSpanId);
      expect(new Set(steps.map((step) => step.name))).toEqual(
        new Set(done.steps.map((step) => `step ${step.action ?? step.name}`)),
      );
      expect(steps.some((step) => step.attributes['rustydb.step.attempt'] === 2)).toBe(true);
      const last = operations.find((one) => one.attributes['rustydb.operation.state'] === 'succeeded');
      expect(last?.attributes).toMatchObject({ 'rustydb.operation.id': done.id, 'rustydb.request_id': 'req-1' });
    });
  });

  it('that nobody asked for has a trace of its own, kept in the journal', async () => {
    await world(async (of) => {
      Object.assign(of.node('node-1'), { alive: false, postgres: 'stopped' });
      const done = await finishedIn(of);
      const [, trace, span] = done.traceparent!.split('-');
      const all = await receiver.until(trace!, 'the operation', (spans) => spans.some((one) => one.spanId === span));
      expect(all.find((one) => one.spanId === span)).toMatchObject({ name: 'operation failover', parentSpanId: null });
    });
  });
});
