/** Audit entries as events: what leaves the log, how much of it, and to whom it goes. */
import { describe, expect, it } from 'vitest';
import { startConsole } from '@/server/testing/console-fixture';
import type { AuditEntry } from './api';
import { AuditEvents } from './audit-events';

const entry = (patch: Partial<AuditEntry> = {}): AuditEntry => ({
  sequence: 1,
  at: '2026-01-01T00:00:00.000Z',
  actor: 'user:dba',
  role: 'admin',
  clientAddress: '192.0.2.7',
  surface: 'rest',
  requestId: 'r',
  procedure: 'access.createUser',
  input: { password: 'hunter2' },
  outcome: 'succeeded',
  code: null,
  message: 'about hunter2',
  operationId: null,
  durationMs: 1,
  hash: 'h',
  ...patch,
});

type Told = { readonly writer: string; readonly entries: readonly { sequence: number }[]; readonly leftOut: number };

function fixture() {
  const state = { nowMs: 0, leads: true };
  const told: Told[] = [];
  const leader = (_method: string, params: unknown) => {
    if (!state.leads) return Promise.reject(new Error('nobody leads'));
    told.push(params as Told);
    return Promise.resolve({});
  };
  const events = new AuditEvents({ leader: leader as never }, 'w1', () => state.nowMs);
  return { state, told, events };
}

describe('what leaves the audit log', () => {
  it('is who, what and outcome; no input, no message, no address', async () => {
    const { told, events } = fixture();
    events.recorded(entry());
    await events.settled();
    expect(told).toMatchObject([
      { writer: 'w1', leftOut: 0, entries: [{ actor: 'user:dba', procedure: 'access.createUser' }] },
    ]);
    expect(JSON.stringify(told)).not.toMatch(/hunter2|192\.0\.2/);
  });

  it('is nothing of what was refused', async () => {
    const { told, events } = fixture();
    events.recorded(entry({ outcome: 'refused' }));
    await events.settled();
    expect(told).toEqual([]);
  });

  it('is one a second of a flood, and how many were left out', async () => {
    const { state, told, events } = fixture();
    for (let sequence = 0; sequence < 5_000; sequence++) events.recorded(entry({ sequence }));
    await events.settled();
    state.nowMs = 2_000;
    for (let sequence = 5_000; sequence < 5_010; sequence++) events.recorded(entry({ sequence }));
    await events.settled();
    const handed = told.flatMap((one) => one.entries);
    expect(handed).toHaveLength(102);
    expect(told.reduce((sum, one) => sum + one.leftOut, 0)).toBeLessThanOrEqual(5_010 - 102);
    state.nowMs = 3_000;
    events.recorded(entry());
    await events.settled();
    expect(told.reduce((sum, one) => sum + one.leftOut, 0)).toBe(5_010 - 102);
  });

  it('is counted as left out while nobody leads, and held up by nothing', async () => {
    const { state, told, events } = fixture();
    state.leads = false;
    events.recorded(entry());
    await events.settled();
    state.leads = true;
    events.recorded(entry({ sequence: 2 }));
    await events.settled();
    expect(told).toMatchObject([{ leftOut: 1, entries: [{ sequence: 2 }] }]);
  });
});

it('reaches admins and nobody else, over the same stream', async () => {
  const console = await startConsole();
  const ending = new AbortController();
  try {
    const read = async (key: string) => {
      const response = await fetch(`${console.url}/api/v1/events`, {
        headers: { 'X-API-Key': key },
        signal: ending.signal,
      });
      const reader = response.body!.pipeThrough(new TextDecoderStream()).getReader();
      return async (until: RegExp) => {
        let text = '';
        while (!until.test(text)) text += (await reader.read()).value ?? '';
        return text;
      };
    };
    const [admin, viewer] = [await read(console.keys.admin), await read(console.keys.viewer)];
    const { status } = await console.json('/api/v1/cluster/config', {
      method: 'PUT',
      role: 'admin',
      body: { heartbeat_interval_ms: 100 },
    });
    expect(status).toBe(200);
    expect(await admin(/audit_recorded/)).toMatch(/"procedure":"cluster\.\w+","outcome":"succeeded"/);
    console.engine.emit({ source: 'node:after' });
    expect(await viewer(/node:after/)).not.toContain('audit');
  } finally {
    ending.abort();
    await console.stop();
  }
});
