import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import type { Fault } from './api';
import { serveFaults } from './fault-door';
import type { TcpInterconnect } from './tcp-interconnect';
import { Mesh, silent } from './testing/mesh';

let mesh: Mesh;
let a: TcpInterconnect;
let b: TcpInterconnect;
let applied: number;
const walProxy = { applyFaults: () => void applied++ };
const partition = (until: string | undefined): Fault => ({
  peer: null,
  direction: 'both',
  channel: 'both',
  kind: 'partition',
  until,
});
const inMs = (ms: number) => new Date(Date.now() + ms).toISOString();
const set = (faults: readonly Fault[], node = 'b') =>
  a.request('b', 'faults.set', { node, faults }, { timeoutMs: 300 });

beforeEach(async () => {
  applied = 0;
  mesh = new Mesh();
  ({ a, b } = await mesh.pair());
});
afterEach(() => mesh.stop());

describe('faults.set at a node', () => {
  it('injects, tells what acts, and ends by itself even where the partition cuts off who could end it', async () => {
    serveFaults({ interconnect: b, walProxy, rehearsalEnabled: true, logger: silent });
    b.onRequest('echo', (payload) => payload);
    const fault: Fault = { ...partition(inMs(400)), direction: 'in' };
    expect(await set([fault])).toEqual([fault]);
    expect(applied).toBe(1);
    await expect(set([])).rejects.toMatchObject({ code: 'TIMEOUT' });
    expect(await a.request('b', 'echo', 1, { timeoutMs: 3000 })).toBe(1);
    expect(b.faults()).toEqual([]);
  });

  it.each([
    ['without an end', () => set([partition(undefined)]), 'INVALID_INPUT'],
    ['that is over', () => set([partition(inMs(-1))]), 'INVALID_INPUT'],
    ['with an unreadable end', () => set([partition('soon')]), 'INVALID_INPUT'],
    ['of two days', () => set([partition(inMs(48 * 3_600_000))]), 'INVALID_INPUT'],
    ['meant for another node', () => set([], 'c'), 'INVALID_INPUT'],
  ])('refuses a fault %s', async (_what, ask, code) => {
    serveFaults({ interconnect: b, walProxy, rehearsalEnabled: true, logger: silent });
    await expect(ask()).rejects.toMatchObject({ code });
    expect(applied).toBe(0);
  });

  it('is off unless rehearsal is enabled', async () => {
    serveFaults({ interconnect: b, walProxy, rehearsalEnabled: false, logger: silent });
    await expect(set([partition(inMs(1000))])).rejects.toMatchObject({ code: 'FORBIDDEN' });
  });
});
