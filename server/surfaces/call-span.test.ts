/** A call's span on each surface: under the caller's trace, with the code it ended with, and handed on to the engine. */
import pino from 'pino';
import { afterAll, beforeAll, describe, expect, it, vi } from 'vitest';
import { startTraceExport, type TraceExport } from '@/engine/monitoring/trace-export';
import { OtlpReceiver } from '@/engine/testing/otlp-receiver';
import { type ConsoleFixture, startConsole } from '../testing/console-fixture';

let receiver: OtlpReceiver;
let traces: TraceExport;
let console: ConsoleFixture;

beforeAll(async () => {
  receiver = await OtlpReceiver.start();
  vi.stubEnv('OTEL_EXPORTER_OTLP_ENDPOINT', receiver.url);
  vi.stubEnv('OTEL_BSP_SCHEDULE_DELAY', '20');
  vi.stubEnv('OTEL_TRACES_SAMPLER', 'parentbased_always_off');
  traces = await startTraceExport(
    { process: 'console', instance: 'here', cluster: 'orders' },
    pino({ level: 'silent' }),
  );
  console = await startConsole();
});
afterAll(async () => {
  await console.stop();
  await traces.stop();
  vi.unstubAllEnvs();
  await receiver.stop();
});

let count = 0;
function caller(): { readonly trace: string; readonly headers: Record<string, string> } {
  const trace = String(++count).padStart(32, 'a');
  return { trace, headers: { traceparent: `00-${trace}-00f067aa0ba902b7-01` } };
}
const spanOf = async (trace: string, name: string) =>
  (await receiver.until(trace, name, (spans) => spans.some((span) => span.name === name))).find(
    (span) => span.name === name,
  )!;

describe('a call', () => {
  it('over REST has its route, its caller’s kind and its code; a cached answer has one too', async () => {
    for (const round of ['made', 'cached']) {
      const { trace, headers } = caller();
      await console.json('/api/v1/cluster/nodes', { headers: { ...headers, 'X-Request-Id': `nodes-${round}` } });
      const span = await spanOf(trace, 'cluster.listNodes');
      expect(span.parentSpanId).toBe('00f067aa0ba902b7');
      expect(span.attributes).toMatchObject({
        'rpc.method': 'cluster.listNodes',
        'http.request.method': 'GET',
        'http.route': '/api/v1/cluster/nodes',
        'rustydb.surface': 'rest',
        'rustydb.request_id': `nodes-${round}`,
        'rustydb.caller.kind': 'api-key',
        'rustydb.code': 'OK',
      });
    }
  });

  it('that is refused says so', async () => {
    const { trace, headers } = caller();
    const body = { group: 'alpha' };
    expect((await console.json('/api/v1/cluster/failover', { method: 'POST', headers, body })).status).toBe(403);
    const span = await spanOf(trace, 'cluster.failover');
    expect([span.failed, span.attributes['rustydb.code']]).toEqual([true, 'FORBIDDEN']);
  });

  it('over GraphQL and tRPC is in the caller’s trace as well', async () => {
    const first = caller();
    const query = '{ clusterNodes { id } }';
    const response = await console.request('/graphql', { method: 'POST', headers: first.headers, body: { query } });
    expect(((await response.json()) as { errors?: unknown }).errors).toBeUndefined();
    expect((await spanOf(first.trace, 'cluster.listNodes')).attributes['rustydb.surface']).toBe('graphql');
    const second = caller();
    expect((await console.request('/api/trpc/cluster.getConfig', { headers: second.headers })).status).toBe(200);
    expect((await spanOf(second.trace, 'cluster.getConfig')).attributes['rustydb.surface']).toBe('trpc');
  });

  it('hands its own span on with what it begins, and the caller’s request id', async () => {
    const { trace, headers } = caller();
    const started = await console.json('/api/v1/cluster/failover', {
      method: 'POST',
      role: 'operator',
      headers: { ...headers, 'X-Request-Id': 'mine' },
      body: { group: 'alpha' },
    });
    expect(started.status).toBe(202);
    const span = await spanOf(trace, 'cluster.failover');
    const start = console.engine.requests.find((one) => one.method === 'operation.start');
    expect(start?.params).toMatchObject({
      requester: { requestId: 'mine', traceparent: `00-${trace}-${span.spanId}-01` },
    });
  });

  it('whose caller does not record, or sends nonsense, leaves no trace', async () => {
    const before = receiver.spans.length;
    for (const traceparent of [`00-${'b'.repeat(32)}-00f067aa0ba902b7-00`, 'nonsense', `${'x'.repeat(5000)}`]) {
      expect((await console.request('/api/v1/cluster/config', { headers: { traceparent } })).status).toBe(200);
    }
    const { trace, headers } = caller();
    await console.request('/api/v1/cluster/config', { headers });
    await spanOf(trace, 'cluster.getConfig');
    expect(receiver.spans.length).toBe(before + 1);
  });
});
